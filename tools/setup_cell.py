# Makes the book's package, alexbook, importable; the same in every chapter.
# On Colab it installs that package and changes none of Colab's own.
import importlib.util, os, pathlib, subprocess, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
repository = "https://github.com/OWNER/alexnet-layer-by-layer"
source = os.environ.get("ALEXBOOK_SOURCE", f"git+{repository}")
clones = [f / "code" for f in pathlib.Path("start").absolute().parents]
sys.path += [str(code) for code in clones if (code / "alexbook").is_dir()]
if not importlib.util.find_spec("alexbook"):
    if "/OWNER/" in source:
        sys.exit("The book has no published address yet: open this notebook "
                 "in a clone of it, or set ALEXBOOK_SOURCE to its repository.")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", source]
    subprocess.run(pip, check=True); importlib.invalidate_caches()
import alexbook  # noqa: F401 (before any framework: alexbook/_triton.py)
