# Makes the book's package, alexbook, importable; on Colab it is installed.
import importlib.util, os, sys; sys.path += ["../code", "../../../code"]
if not importlib.util.find_spec("alexbook"):
    book = "git+https://github.com/OWNER/alexnet-layer-by-layer"
    os.system("pip install -q --no-deps " + os.getenv("ALEXBOOK_SOURCE", book))
import alexbook
