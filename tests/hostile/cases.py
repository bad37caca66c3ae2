"""Bad input as a table: what is typed, and the words that the sentence must have.

`SETS` are overrides of the studies in `STUDIES`, `FILES` whole files, `FORMULAS` predictions,
`TABLES` tables with the options of `lab fit`, `OPTIONS` command lines. All are refused with code 2.
"""

HEAD = 'schema = 1\nquestion = "Is it refused?"\n'
CUBE = '[task]\nmanifold = { kind = "cube", dim = [2, 3] }\n'
NETWORK = f"""{HEAD}regime = "resolution-width"
{CUBE}teacher = {{ widths = [[8, 8], [16]], count = 3, bias = [0.0, 0.5] }}
[student]
widths = [4, 8, 16]
seeds = 2
[training]
steps = 100
"""
DATA = f"""{HEAD}regime = "resolution-data"
{CUBE}[student]
widths = 8
[data]
sizes = [128, 256, 512]
"""
EXACT = f"""{HEAD}regime = "resolution-data"
[task]
manifold = {{ kind = "sphere", dim = 2 }}
teacher = {{ kind = "field", covariance = "matern", nu = [0.5, 1.5], count = 3 }}
[student]
kind = "kernel"
kernel = "matern"
nu = 1.5
[data]
sizes = [64, 128, 256]
"""
WIDE = f"""{HEAD}regime = "variance-width"
[task]
manifold = {{ kind = "sphere", dim = 3 }}
[student]
widths = [16, 32, 64]
parametrisation = "ntk"
[data]
sizes = 16
"""
SPECTRAL = f"""{HEAD}regime = "resolution-data"
[task]
manifold = {{ kind = "spectral", alpha = 0.5, modes = 100 }}
[student]
kind = "linear"
[data]
sizes = [8, 16, 32]
[prediction]
exponent = "alpha"
"""
PANELS = f"""{HEAD}{CUBE}[student]
widths = [3, 4, 5]
[[panel]]
title = "short"
regime = "resolution-width"
[[panel]]
title = "long"
regime = "resolution-width"
[panel.training]
steps = 900
"""
STUDIES = {"network": NETWORK, "data": DATA, "exact": EXACT, "wide": WIDE, "spectral": SPECTRAL,
           "panels": PANELS}  # fmt: skip

MANY = "9" * 5000
SETS = [
    # no key, no value, more than one of them
    ("network", "nonsense", "expected key=value"),
    ("network", "=5", "expected key=value"),
    ("network", "", "expected key=value"),
    ("network", "=", "expected key=value"),
    ("network", "training.steps", "expected key=value"),
    ("network", "training.steps=", "expected key=value"),
    ("network", ".steps=5", "expected key=value"),
    ("network", "training.=5", "expected key=value"),
    ("network", "training..steps=5", "expected key=value"),
    ("network", "training. =5", "expected key=value"),
    ("network", '"training.steps"=5', "expected key=value"),
    ("network", "training steps=5", "expected key=value"),
    ("network", "training.steps=200\nfoo=1", "more than one key"),
    ("network", "training.steps=200\n[student]\nseeds=1", "more than one key"),
    ("network", "training.steps=200\r\nfoo=1", "more than one key"),
    ("network", "training.steps=[", "TOML value"),
    ("network", "training.steps={", "TOML value"),
    ("network", "training.steps='", "TOML value"),
    ("network", "training.steps=0x", "TOML value"),
    ("network", "training.steps=01", "TOML value"),
    ("network", "training.steps=1__0", "TOML value"),
    ("network", "training.steps=2026-13-45", "TOML value"),
    ("network", "training.steps=" + MANY, "not below 9223372036854775808"),
    ("network", "training.steps=0x" + "f" * 5000, "20000 bits"),
    ("network", "training.steps=" + "9" * 30, "bits; TOML has 64"),
    ("network", "x=" + "[" * 5000, "32 deep"),
    ("network", "x=" + "{a=" * 3000, "32 deep"),
    ("network", "x=" + "[" * 40 + "]" * 40, "32 tables and lists deep"),
    ("network", ".".join("a" * 400) + "=1", "32 tables and lists deep"),
    # text without its quotes
    ("network", "prediction.exponent=4/d", "--set 'prediction.exponent=\"4/d\"'"),
    ("network", "training.preset=adam", "--set 'training.preset=\"adam\"'"),
    ("network", "student.activation=relu", "text stands in quotes"),
    ("network", "regime=resolution-data", "text stands in quotes"),
    ("network", "training.precision=float64", "text stands in quotes"),
    ("network", "task.teacher.normalise=True", "text stands in quotes"),
    # keys that there are not
    ("network", "my-key=1", "unknown key 'my-key'"),
    ("network", "2nd=1", "unknown key '2nd'"),
    ("network", "_=1", "unknown key '_'"),
    ("network", "ключ=1", "unknown key 'ключ'"),
    ("network", "__class__=1", "unknown key '__class__'"),
    ("network", "training.__dict__=1", "unknown key '__dict__'"),
    ("network", "training.model_config=1", "unknown key 'model_config'"),
    ("network", "training.weight-decay=0.1", "did you mean 'weight_decay'"),
    ("network", "training.step=1", "did you mean 'steps'"),
    ("network", "schema_=1", "unknown key 'schema_'"),
    ("network", "data.sizes=[1,2,3]", '"resolution-data"'),
    ("network", "student.kernel='laplace'", 'belongs to kind = "kernel"'),
    ("network", "student.covariance=1", "unknown key 'covariance'"),
    ("network", "task.teacher.nu=1", 'belongs to kind = "field"'),
    ("network", "task.manifold.modes=3", 'belongs to kind = "spectral"'),
    ("network", "a.b.c.d.e=1", "unknown key 'a'"),
    ("network", "training.steps.x=3", "'steps' is a value, not a table"),
    ("network", "question.x=3", "'question' is a value, not a table"),
    ("network", "task.teacher.widths.0=3", "'widths' is a list; set it as a whole"),
    ("network", "student.widths.0.1=3", "'widths' is a list; set it as a whole"),
    # a list, table or number where a name is expected
    ("network", 'training.optimiser=["adam", "muon"]', "give one name, in quotes"),
    ("network", "training.optimiser={a=1}", "unknown optimiser"),
    ("network", "training.optimiser=3", "unknown optimiser '3'"),
    ("network", 'training.preset=["adam"]', "training.preset: ['adam'] is of the wrong type"),
    ("network", "training.preset={}", "training.preset: {} is of the wrong type"),
    ("network", "training.preset='adm'", "did you mean 'adam'"),
    ("network", 'student.kind=["mlp", "kernel"]', "student.kind: unknown kind"),
    ("network", "student.kind=3", "student.kind: unknown kind '3'"),
    ("network", "student.kind={}", "student.kind: unknown kind"),
    ("network", "student.kind='mpl'", "did you mean 'mlp'"),
    ("network", "task.manifold.kind=['cube']", "task.manifold.kind: unknown kind"),
    ("network", "task.teacher.kind=[]", "task.teacher.kind: unknown kind"),
    ("network", 'regime=["resolution-width"]', "unknown regime"),
    ("network", "regime={}", "unknown regime"),
    ("network", "regime=1", "unknown regime"),
    ("network", "regime=''", "unknown regime"),
    ("network", "regime='resolution'", "did you mean 'resolution-"),
    ("network", "student.activation=[['relu']]", "unknown activation"),
    ("network", "student.activation=1", "unknown activation '1'"),
    ("network", "training.schedule=['cosine']", "unknown schedule"),
    ("network", "training.precision=16", "unknown precision"),
    ("network", "task.embedding.kind=[1]", "unknown kind"),
    ("network", "task.loss=['mse', 'kl']", "unknown loss"),
    ("exact", "task.teacher.covariance=['matern', 3]", "3 is of the wrong type"),
    ("exact", "student.kernel=[['matern']]", "is of the wrong type"),
    ("exact", "student.kernel='mattern'", "did you mean 'matern'"),
    ("exact", "task.teacher.covariance={}", "is of the wrong type"),
    # values where tables are expected, and the other way round
    ("network", "task=3", "task: 3 is of the wrong type: expected a table"),
    ("network", "task=[]", "task: [] is of the wrong type: expected a table"),
    ("network", "task=[[1]]", "expected a table"),
    ("network", "student='mlp'", "expected a table"),
    ("network", "training=[1, 2]", "expected a table"),
    ("network", "task.manifold='cube'", "expected a table"),
    ("network", "evidence=true", "expected a table"),
    ("network", "prediction='4/d'", "expected a table"),
    ("network", "training.steps={}", "training.steps: {} is of the wrong type"),
    ("network", "training.stages=[1]", "training.stages: 1 is of the wrong type: expected a table"),
    ("network", "training.stages=[]", "training.stages: an empty grid"),
    ("network", "task.manifold={kind='product', factors=3}", "expected a table"),
    ("network", "task.manifold={kind='product', factors=[]}", "an empty grid"),
    ("network", "task.manifold={kind='product', factors=[{kind='x', dim=2}]}", "unknown kind 'x'"),
    ("network", "task.manifold={kind='product', factors=[{dim=0}]}", "0 is out of range"),
    ("network", "task.manifold={kind='product', factors=[{dim=2, a=1}]}", "unknown key 'a'"),
    ("network", "task.manifold={}", "dim: is missing"),
    ("network", "student={}", "widths: is missing"),
    ("network", "task={}", "task.manifold: is missing"),
    ("network", "question=1", "question: 1 is of the wrong type"),
    ("network", "title=[]", "title: [] is of the wrong type"),
    # what only looks like a number
    ("network", "training.steps=true", "True is of the wrong type"),
    ("network", "training.steps='200'", "'200' is of the wrong type"),
    ("network", "training.steps=1.5", "1.5 is of the wrong type"),
    ("network", "training.steps=2026-01-01", "is of the wrong type"),
    ("network", "training.steps=[100]", "is of the wrong type"),
    ("network", "schema='1'", "'1' is of the wrong type"),
    ("network", "schema=2", "2 is out of range"),
    ("network", "schema=true", "True is of the wrong type"),
    ("network", "seed=-1", "-1 is out of range"),
    ("network", "seed=1e400", "inf is of the wrong type"),
    ("network", "task.manifold.dim=٢", "is no TOML value"),
    ("network", "task.manifold.dim=[2, [3]]", "[3] is of the wrong type"),
    ("network", "training.rate=1979-05-27T07:32:00Z", "is of the wrong type"),
    ("network", "student.widths=[4, 8, 16.5]", "16.5 is of the wrong type"),
    ("network", "prediction.rivals=['4/d', 1e999]", "inf is not finite"),
    ("network", "seed=4294967296", "4294967296 is out of range"),
    ("network", "task.manifold.dim='2'", "'2' is of the wrong type"),
    ("network", "student.widths='4,6,8'", "'4,6,8' is of the wrong type"),
    ("network", "prediction.exponent=true", "True is of the wrong type"),
    ("network", "prediction.exponent=[1]", "[1] is of the wrong type"),
    ("network", "task.teacher.normalise=1", "1 is of the wrong type"),
    # numbers that are not finite or not in their range
    *[("network", f"{key}={value}", "not finite") for key in
      ("training.rate", "training.weight_decay", "task.noise", "student.weight", "student.bias",
       "task.teacher.gain", "prediction.exponent", "evidence.budgets", "prediction.tolerance")
      for value in ("inf", "-inf", "nan")],
    ("network", "training.steps=inf", "inf is of the wrong type"),
    ("network", "training.rate=1e308", "out of range"),
    ("network", "training.rate=1e-320", "out of range"),
    ("network", "training.rate=0", "0 is out of range"),
    ("network", "training.rate=-0.1", "-0.1 is out of range"),
    ("network", "training.steps=0", "0 is out of range"),
    ("network", "training.steps=-5", "-5 is out of range"),
    ("network", "training.steps=1e300", "1e+300 is out of range"),
    ("network", "training.warmup=1", "1 is out of range"),
    ("network", "training.beta1=1", "1 is out of range"),
    ("network", "task.noise=-1", "-1 is out of range"),
    ("network", "task={manifold={dim=2}, loss='power', power=1e-300}", "1e-300 is out of range"),
    ("network", "task={manifold={dim=2}, loss='power', power=1e6}", "out of range"),
    ("network", "prediction.tolerance=1e-300", "1e-300 is out of range"),
    ("network", "prediction.tolerance=1", "1 is out of range"),
    ("network", "evidence.share=2", "2 is out of range"),
    ("network", "evidence.share=-0.1", "-0.1 is out of range"),
    ("network", "evidence.budgets=1.0001", "at least 1.5"),
    ("network", "evidence.budgets=1", "repeats the scan itself"),
    ("network", "evidence.budgets=[0.5, 1e12]", "1e+12 is out of range"),
    ("network", "evidence.rates=[1e-20]", "out of range"),
    ("network", "evidence.until=1000", "1000 is out of range"),
    ("spectral", "task.manifold.alpha=-1", "-1 is out of range"),
    # grids
    ("network", "task.manifold.dim=[]", "empty grid"),
    ("network", "task.manifold.dim=[2, 2]", "2 is given twice"),
    ("network", "task.manifold.dim=[2, 2.0]", "2 is given twice"),
    ("network", "task.manifold.dim=[[2, 3]]", "is of the wrong type"),
    ("network", "student.widths=[4, 4, 6, 8]", "4 is given twice"),
    ("network", "student.widths=[[6, 8], [6, 8], [3, 3]]", "[6, 8] is given twice"),
    ("network", "student.widths=[4, [4, 4], 8, 16]", "[4, 4] is given twice"),
    ("network", "student.widths=[4, -6, 8]", "-6 is out of range"),
    ("network", "student.widths=[[4, 0], [5, 5], [6, 6]]", "0 is out of range"),
    ("network", "student.widths=[[[4]]]", "is of the wrong type"),
    ("network", "student.widths=[4, 6]", "at least three"),
    ("network", "student.widths=[]", "empty grid"),
    ("network", "student.activation=['relu', 'relu']", "'relu' is given twice"),
    ("network", "task.teacher.bias=[0, 0.0]", "0.0 is given twice"),
    ("network", "prediction.rivals=['2/d', '2/d']", "'2/d' is given twice"),
    ("data", "data.sizes=[128, 128, 256, 512]", "128 is given twice"),
    ("data", "data.sizes=[128]", "1 value cannot carry"),
    ("data", "data.sizes=[64, 128, 256]", "training.batch: 128 is more"),
    ("exact", "student.nu=[1.5, 1.5]", "1.5 is given twice"),
    ("exact", "student.kernel=['laplace', 'laplace']", "'laplace' is given twice"),
    # far too large, at once and with the number
    ("network", "student.seeds=1e9", "72 000 000 000 runs are planned"),
    ("network", "student.seeds=1000000", "72 000 000 runs are planned"),
    ("network", "task.teacher.count=1e9", "48 000 000 000 runs are planned"),
    ("network", "task.teacher.count=1000000000000", "runs are planned"),
    ("network", "student.depth=1e9", "1000000000.0 is out of range"),
    ("network", "student.depth=1001", "1001 is out of range"),
    ("network", "student.widths=[4, 8, 1e12]", "GiB"),
    ("network", "student.widths=[4, 8, 1e13]", "10000000000000.0 is out of range"),
    ("network", "student.widths=[100000, 200000, 400000]", "GiB"),
    ("network", "task.manifold.dim=1e9", "GiB"),
    ("network", "task.manifold.dim=1e30", "out of range"),
    ("network", "task.teacher.widths=[[1e9, 1e9]]", "GiB"),
    ("network", "task.teacher.outputs=1e12", "GiB"),
    ("network", "training.batch=1e12", "GiB"),
    ("network", "task.embedding={kind='linear', ambient=1e11}", "GiB"),
    ("network", f"task.noise={[n / 8 for n in range(20000)]}", "480 000 settings"),
    ("data", "data.sizes=[128, 256, 1e12]", "GiB"),
    ("data", "data.sizes=[128, 256, 1e300]", "out of range"),
    ("exact", "data.sizes=[64, 128, 1e9]", "take D ≤ 12288"),
    ("exact", "student={kind='nearest', neighbours=1e9}", "cannot be taken among"),
    ("exact", "student={kind='random-features', count=1e12}", "GiB"),
    ("exact", "student.depth=1e9", "out of range"),
    ("spectral", "task.manifold.modes=1e12", "GiB"),
    ("wide", "training.steps=1e18", "out of range"),
    # tables that do not go together
    ("network", "task.embedding={kind='linear', ambient=2}", "take ambient ≥ 3"),
    ("network", "task.embedding={kind='linear'}", "needs 'ambient"),
    ("network", "task.embedding={ambient=9}", "leave it out"),
    ("network", "task.loss='power'", "that loss needs it"),
    ("network", "task.loss='kl'", "at least 2"),
    ("network", "training.schedule='step'", "belong together"),
    ("network", "task.teacher={kind='field', covariance='matern'}", "exact students, not networks"),
    ("network", "student={kind='kernel'}", "no answer on unlimited data"),
    ("data", "training.optimiser='lbfgs'", "L-BFGS needs fresh data"),
    ("exact", "training.steps=10", "leave it out"),
    ("exact", "evidence.share=0.1", "leave it out"),
    ("exact", "student.seeds=3", "nothing is random"),
    ("exact", "student.depth=2", "unknown setting of matern kernels 'depth'"),
    ("exact", "task.teacher.depth=2", "unknown setting of matern"),
    ("exact", "student={kind='simplex', domain='sphere'}", "inputs = \"raw\""),
    ("exact", "student={kind='simplex'}", "holds a point"),
    ("exact", "task={loss='power', power=1, manifold={dim=2}}", "minimise the squared error"),
    ("wide", "data.sizes=[16, 32]", "one fixed training set"),
    ("wide", "student.parametrisation='standard'", "networks with a limit"),
    ("wide", "student.activation='tanh'", "networks with a limit"),
    ("wide", "task.teacher.outputs=2", "one output"),
    ("spectral", "task.manifold.a=1", "or 'alpha' and 'modes'"),
    ("spectral", "task.teacher.gain=2", "linear teacher of its own"),
    ("spectral", "student={kind='kernel'}", "a spectral task has linear students"),
    ("spectral", "task.embedding={kind='linear', ambient=200}", "no embedding"),
    # text
    ("network", "question=''", "question: is empty"),
    ("network", "question='   '", "question: is blank"),
    ("network", 'question="two\\nlines"', "one line of plain text"),
    ("network", 'question="\\u001b[31mred"', "one line of plain text"),
    ("network", 'title="a\\u0000b"', "one line of plain text"),
    ("network", f"question='{'x' * 2000}'", "wrong type"),
    # panels
    ("panels", "panel.3.seed=1", "the panels are 1 to 2"),
    ("panels", "panel.0.seed=1", "the panels are 1 to 2"),
    ("panels", "panel.-1.seed=1", "the panels are 1 to 2"),
    ("panels", "panel.１.training.steps=1", "the panels are 1 to 2"),
    ("panels", f"panel.{MANY}.seed=1", "the panels are 1 to 2"),
    ("panels", "panel.title='x'", "say which panel"),
    ("panels", "panel=3", "begin each with a line [[panel]]"),
    ("panels", "panel=[]", "begin each with a line [[panel]]"),
    ("panels", "panel=[1]", "begin each with a line [[panel]]"),
    ("panels", "panel.1.panel=1", "unknown key 'panel'"),
    ("panels", "panel.1.seed=4", "at the top"),
    ("panels", "panel.2.title='short'", "is another panel's too"),
    ("panels", "panel.1.title=[1]", "title: [1] is of the wrong type"),
    ("panels", "panel.1.regime=['a']", "panel 1: regime: unknown regime"),
    ("panels", "training.steps=10", "panel 2 brings its own 'training'"),
    ("panels", "panel.2.training.steps=0", "panel 2: training.steps: 0 is out of range"),
    ("network", "panel.1.seed=1", "begin each with a line [[panel]]"),
]  # fmt: skip

FORMULAS = [
    (formula, words)
    for words, formulas in {
        "is not a formula": ("", " ", "4/", "/d", "4//", "(", ")", "4/(d", "4/d)", "4 d 3 4", "d d",
                             "4/d;1", "d=4", "d[0]", "{d}", "4/d#", "'d'", "d!", "4%3", "d&1", "√d",
                             "4/𝑑", "4/ｄ", "４/d", "4\n/d", "4\t/d", "٤/d", "d·2", "4−d", "²", "λ",
                             "min(", "1e5e5", "lambda: 1", "(" * 90, "\x00", "d\\", "$d$", "@d",
                             "d < 3", "~d", "min(a=1)",
                             "not", "d if d"),
        "uses more than": ("d.real", "True", "max(*d)", "d//2", "not d", "d and 2",
                           "(1, 2)", "d if d else d", "()"),
        "unknown symbol": ("4/q", "4/D", "pi/d", "x", "e", "__import__", "1j", "1_000", "0x10"),
        "cannot call": ("sin(d)", "min()", "kernel(1)", "kernel", "max", "d(3)",
                        "__import__(os)"),
        "no finite value": ("1/0", "1/(d-2)", "d^9999", "9^9^9^9", "(-8)^(1/3)", "0^-1",
                            "1e999", "-1e999", "9" * 90 + "^9"),
        "and losses that fall have exponents above 0": ("0", "-4/d", "1/(d-2.5)", "d-2", "-d",
                                                        "1e-400"),
        "ambiguous product": ("4/2d", "1/2(d+1)"),
        "write it in 100 or fewer": ("4/d" + "+0" * 60, "-" * 200 + "d", "(" * 5000),
        "which this study does not have": ("alpha", "a-1", "min(a-1, 2b)", "teacher", "student"),
    }.items()
    for formula in formulas
]  # fmt: skip

FILES = [
    ("", "regime: is missing"),
    ("\n\n# nothing\n", "question: is missing"),
    ("schema = ", "not TOML"),
    ("schema = 1\nschema = 1", "not TOML"),
    ("[task\n", "not TOML"),
    ("[[panel]]\n", "panel 1: regime: is missing"),
    ("panel = 3", "begin each with a line [[panel]]"),
    ("x = " + "[" * 5000, "brackets stand"),
    ("x = " + "{a=" * 5000, "brackets stand"),
    ("x = " + "9" * 5000, "not below"),
    ("[" + ".".join("a" * 200) + "]\n", "32 tables and lists deep"),
    ("\x00", "not TOML"),
    ("\x1b[31m = 1", "not TOML"),
    ("question = \"\x1b\"", "not TOML"),
    ("<html>", "not TOML"),
    ("{\"schema\": 1}", "not TOML"),
    ("import os", "not TOML"),
    ("#" * (5 * 2**20), "has 5242880 bytes"),
    (b"\xff\xfe\x00", "cannot be read as text"),
    (b"question = \"\xe9\"", "cannot be read as text"),
    (NETWORK.replace("seeds", "sedes"), "s.toml:9: student.sedes: unknown key 'sedes'"),
    (NETWORK.replace("steps = 100", "steps = 0"), "s.toml:11: training.steps: 0 is out of range"),
    (NETWORK.replace("steps", '"a b"'), "s.toml:11: training.\"a b\": unknown key 'a b'"),
    (NETWORK.replace("steps", "'a.b'"), "s.toml:11: training.\"a.b\": unknown key 'a.b'"),
    (NETWORK.replace("steps", '""'), "training.\"\": unknown key ''"),
    ("my-key = 1\n" + NETWORK, "s.toml:1: my-key: unknown key 'my-key'"),
    ('"a b" = 1\n' + NETWORK, "s.toml:1: \"a b\": unknown key 'a b'"),
    ("2nd = 1\n" + NETWORK, "s.toml:1: 2nd: unknown key '2nd'"),
    ('"" = 1\n' + NETWORK, "unknown key ''"),
    ('"\\u001b[2J" = 1\n' + NETWORK, "unknown key '\\x1b[2J'"),
    ('"\\n" = 1\n' + NETWORK, "unknown key ' '"),
    ("\n".join(f"k{i} = 1" for i in range(20000)) + "\n" + NETWORK, "more"),
    (NETWORK.replace("[4, 8, 16]", "[4, 6]").replace("100", "0"), "student.widths: 2 values"),
    (NETWORK.replace("[4, 8, 16]", "[4, 6]").replace("100", "0"), "training.steps: 0 is out"),
    (NETWORK.replace("[4, 8, 16]", "[4, 6]").replace('"cube"', '"cub"'), "student.widths: 2"),
    (NETWORK + 'preset = "adm"\nbatch = "x"\nschedule = "step"\n', "unknown preset 'adm'"),
    (NETWORK + 'preset = "adm"\nbatch = "x"\nschedule = "step"\n', "belong together"),
    (NETWORK + 'preset = "adm"\nbatch = "x"\nschedule = "step"\n', "'x' is of the wrong type"),
    (NETWORK + "[prediction]\nexponent = '4/q'\nrivals = ['x', 2]\n", "unknown symbol 'x'"),
    (NETWORK + "[prediction]\nexponent = '4/q'\nrivals = ['x', 2]\n", "unknown symbol 'q'"),
    (NETWORK + "covariance = 1\nnu = 2\nlength = 3\n", "unknown key 'length'"),
    (NETWORK + "covariance = 1\nnu = 2\nlength = 3\n", "unknown key 'covariance'"),
    (DATA.replace("sizes", "size"), "did you mean 'sizes'"),
]
"""Files, and the words of one of their sentences."""

CURVE = "x,y,g\n" + "".join(f"{2**i},{3 / 2**i},t{i % 2}\n" for i in range(2, 12))
FIT = ("--law", "power", "--x", "x", "--loss", "y")
TABLES = [
    ("", FIT, "is empty; its first line must name the columns"),
    ("\n\n", FIT, "is empty"),
    ("x,y\n", FIT, "row"),
    ("x,x,y\n1,2,3\n", FIT, "two columns named 'x'"),
    ("x,y\n1,2,3\n", FIT, "3 fields where the header has 2"),
    ("x,y\n1\n", FIT, "1 fields where the header has 2"),
    ("x,y\n1,\"2\n", FIT, "check its quotes"),
    ("x,z\n1,2\n", FIT, "no column 'y'"),
    ("X,Y\n1,2\n", FIT, "no column 'x'"),
    (b"\xff\xfex,y\n", FIT, "UTF-8"),
    (b"\x1f\x8b\x08garbage", FIT, "UTF-8"),
    (b"x,y\n1,\x00\n", FIT, "line 2"),
    *[(CURVE.replace("8,0.375", f"8,{cell}"), FIT, words) for cell, words in {
        "abc": "not a number", "1_000": "not a number", "١٢٣": "not a number",
        "１２": "not a number", "0": "must be positive", "-1": "must be positive",
        "inf": "must be finite", "1e999": "must be finite",
        "1.2.3": "not a number", "0x10": "not a number",
        "=1+1": "not a number", "1e": "not a number", "10 00": "not a number",
        "12%": "not a number", "true": "not a number", "1e-999": "must be positive",
    }.items()],
    (CURVE, ("--x", "x", "--loss", "y"), "a table needs --law"),
    (CURVE, ("--law", "pwoer", *FIT[2:]), "Did you mean 'power'"),
    (CURVE, ("--law", "", *FIT[2:]), "is unknown"),
    (CURVE, ("--law", "power"), "--x COLUMN --loss COLUMN"),
    (CURVE, ("--law", "chinchilla", *FIT[2:]), "no column for N, D"),
    (CURVE, (*FIT, "--columns", "N=x"), "no use for 'N'"),
    (CURVE, (*FIT, "--columns", "x=y"), "given twice"),
    (CURVE, (*FIT, "--columns", ""), "SYMBOL=COLUMN"),
    (CURVE, (*FIT, "--columns", "a,b"), "SYMBOL=COLUMN"),
    (CURVE, (*FIT, "--group", "nobody"), "no column 'nobody'"),
    (CURVE, (*FIT, "--predict", "4/d"), "a table has no d"),
    (CURVE, (*FIT, "--predict", "0"), "positive"),
    (CURVE, (*FIT, "--predict", "-1"), "positive"),
    (CURVE, (*FIT, "--predict", "1/0"), "no finite value"),
    (CURVE, (*FIT, "--predict", "()"), "uses more than"),
    (CURVE, (*FIT, "--predict", "1", "--sense", "foo"), "sense"),
    (CURVE, (*FIT, "--sense", "bound"), "judges a prediction, and there is none"),
    (CURVE, (*FIT, "--tolerance", "0.1"), "judges a prediction, and there is none"),
    (CURVE, (*FIT, "--predict", "1", "--tolerance", "nan"), "tolerance"),
    (CURVE, (*FIT, "--predict", "1", "--tolerance", "-1"), "tolerance"),
    (CURVE, (*FIT, "--huber", "0"), "must be a positive number"),
    (CURVE, (*FIT, "--huber", "nan"), "must be a positive number"),
    (CURVE, (*FIT, "--residual", "linear"), "must be 'log' or 'raw'"),
    (CURVE, (*FIT, "--drop-worst", "-1"), "must not be negative"),
    (CURVE, (*FIT, "--drop-worst", "1000000"), "drop"),
    (CURVE, (*FIT, "--hold", "E"), "NAME=VALUE"),
    (CURVE, (*FIT, "--hold", "alpha=x"), "not a number"),
    (CURVE, (*FIT, "--hold", "alpha=1", "--hold", "alpha=2"), "held twice"),
    (CURVE, (*FIT, "--hold", "omega=1"), "omega"),
    (CURVE, (*FIT, "--hold", "alpha=inf"), "alpha"),
    (CURVE, (*FIT, "--where", ""), "not of the form"),
    (CURVE, (*FIT, "--at", "x"), "is not a file"),
    (CURVE, (*FIT, "--at", "x=many"), "not of the form NAME=NUMBER"),
    (CURVE, (*FIT, "--at", "x=1,x=2"), "given twice"),
    (CURVE, (*FIT, "--at", "z=1"), "has no use for 'z'"),
    (CURVE, (*FIT, "--at", "x=-1"), "positive, finite numbers"),
    (CURVE, (*FIT, "--allocate", "1e21"), "an allocation is of N and D"),
    (CURVE, (*FIT, "--allocate", "much"), "not a number; write it as in 1e21"),
    (CURVE, (*FIT, "--plot", "f.gif"), "a figure is a .png, .svg or .pdf"),
    (CURVE, (*FIT, "--weights", "g"), "not a number"),
    (CURVE, (*FIT, "--best-of", "rate"), "no column 'rate'"),
    (CURVE, (*FIT, "--log10", "N"), "log10 names 'N', which is not used"),
    (CURVE, (*FIT, "--log10", "x"), "is no logarithm"),
    (CURVE, (*FIT, "--unit", "x"), "NAME=VALUE"),
    (CURVE, (*FIT, "--unit", "x=0"), "it must be a positive number"),
    (CURVE, (*FIT, "--decimal", ";"), "it must be ',' or '.'"),
    ("x,y\n1,5 %\n2,0.5\n", FIT, "'5 %', which is not a number"),
    ("x,y\n1,\"1,2\"\n2,\"1.5,5.1\"\n", FIT, "not a number"),
    (CURVE, (*FIT, "--where", "x"), "not of the form"),
    (CURVE, (*FIT, "--where", "x >"), "not of the form"),
    (CURVE, (*FIT, "--where", "x > 1 or x < 2"), "not of the form"),
    (CURVE, (*FIT, "--where", "not x > 5"), "no column 'not x'"),
    (CURVE, (*FIT, "--where", "and x > 10"), "no column 'and x'"),
    (CURVE, (*FIT, "--where", "g == t0"), "put text in quotes"),
    (CURVE, (*FIT, "--where", "g > 't0'"), "== or != only"),
    (CURVE, (*FIT, "--where", "g > 3"), "not a number"),
    (CURVE, (*FIT, "--where", "x == nan"), "is missing"),
    (CURVE, (*FIT, "--where", "x > 1e9"), "row"),
    (CURVE, (*FIT, "--where", "__import__('os')"), "not of the form"),
    (CURVE, (*FIT, "--where", "x > 1 " * 3000), "not of the form"),
    (CURVE, (*FIT, "--set", "training.steps=1"), "--set is for a study"),
    (CURVE, (*FIT, "--results", "here"), "--results is for a study"),
]  # fmt: skip
"""CSV files, the options of `lab fit`, and the words of the sentence."""

JSON = [
    ("", "not JSON"), ("[", "not JSON"), ("[1, 2]", "no table"), ("{}", "no table"),
    ('{"x": 1}', "no table"), ('{"x": [1], "x": [2]}', "two columns named 'x'"),
    ('{"x": [1, 2], "y": [1]}', "different lengths"), ('{"x": [[1]], "y": [1]}', "not a number"),
    ('{"x": [{}], "y": [1]}', "not a number"), ('{"x": [true], "y": [1]}', "not a number"),
    ("[" * 100000, "not JSON"), ('{"x": [' + "9" * 5000 + '], "y": [1]}', "not JSON"),
    ('{"x": [NaN], "y": [1]}', "without an empty cell"),
    ('{"x": [1e999], "y": [1]}', "must be finite"),
    ('{"x": [' + "9" * 400 + '], "y": [1]}', "not a number"), ('{"x": [], "y": []}', "row"),
]  # fmt: skip
"""JSON tables, and the words of the sentence."""

OPTIONS = [
    ("run", "s.toml --lanes 99999999999999999999", ("less than or equal to 1024",)),
    ("run", "s.toml --lanes 0", ("greater than or equal to 1",)),
    ("check", "", ("no file", "is no file")), ("check", "nowhere.toml", ("no such file",)),
    ("check", ".", ("is no file",)), ("check", "/dev/null", ("is no file",)),
    ("check", "/dev/zero", ("is no file",)), ("check", "pipe", ("is no file",)),
    ("check", "x" * 5000, ("cannot be read",)), ("check", "s.toml/x", ("no such file",)),
    ("check", "new\nline.toml", ("new line.toml: no such file",)),
    ("check", "\x1b[2J.toml", ("\\x1b[2J.toml: no such file",)),
    ("check", "\udcff.toml", ("no such file", "cannot be read")),
    ("plan", "nowhere.toml", ("no such file",)), ("run", "nowhere.toml", ("no such file",)),
    ("status", "nowhere.toml", ("no such file",)), ("report", "nowhere.toml", ("no such file",)),
    ("calibrate", "nowhere.toml", ("no such file",)), ("fit", "nowhere.toml", ("no such file",)),
    ("fit", "s.docx", ("its ending is neither",)), ("fit", "s", ("its ending is neither",)),
    ("fit", ".", ("needs --law",)), ("fit", "no.csv --law power --x x --loss y",
                                               ("is not a file",)),
    ("fit", "pipe.csv --law power --x x --loss y", ("is not a file",)),
    ("fit", "s.toml --law power", ("--law is for a table",)),
    ("fit", "s.toml --where x>1", ("--where is for a table",)),
    ("init", "", ("which file?",)), ("init", "s.toml", ("exists already",)),
    ("init", "new.toml --preset quickstrat", ("did you mean 'quickstart'",)),
    ("calibrate", "s.toml --noise nan", ("must be 0 or a positive number",)),
    ("calibrate", "s.toml --noise -1", ("must be 0 or a positive number",)),
    ("calibrate", "s.toml --floor inf", ("must be 0 or a positive number",)),
    ("calibrate", "s.toml --scans 1", ("scans",)), ("calibrate", "s.toml --seed -1", ("seed",)),
    ("run", "s.toml --lanes 0", ("lanes",)), ("nonsense", "", ("nonsense",)),
    ("check", "s.toml --nonsense", ("nonsense",)), ("check", "s.toml s.toml", ("s.toml",)),
]  # fmt: skip
"""Verb, arguments, and one of the words that must be there."""
