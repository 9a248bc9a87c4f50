# The book's commands; `make help` lists them. What they make lies in .venv/ and _build/.

# The Python to make the environment with (3.11, 3.12 or 3.13); empty: the first fit one that is installed.
PYTHON ?=
# How many notebooks and test modules run side by side.
WORKERS ?= 2

bin   := .venv/bin
ready := .venv/ready
html  := _build/html/index.html
pages := $(wildcard *.md chapters/* quizzes/* _static/* _ext/*.py _ext/*.js) _config.yml _toc.yml references.bib pyproject.toml
pages += $(wildcard code/alexbook/*.py data/runs/*.json)  # what the widgets show

# A notebook's kernel takes one thread and sleeps while it waits, so that several can run side by side.
export OMP_NUM_THREADS = 1
export OMP_WAIT_POLICY = passive
export TF_CPP_MIN_LOG_LEVEL = 3
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book pdf test notebooks lint grade picture release lock address clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

book: $(html)  ## make the environment and the book's pages, and say where to open them
	@echo "The book is made; open $(CURDIR)/$(html)"

pdf: $(html)  ## print the whole book with Chromium, solutions at the end: make pdf [PAPER=Letter]
	@PYTHONPATH=tools $(bin)/python -m printing $(if $(PAPER),--paper "$(PAPER)")

test: $(html)  ## test the package, re-run and compare every notebook, check the pages
	$(bin)/python -m pytest -n $(WORKERS) --dist loadscope --nbval --nbval-cell-timeout=900 --timeout=900 tests chapters

notebooks: $(ready)  ## run every chapter top to bottom and store what its cells show
	$(bin)/python tools/run_notebooks.py

lint: $(ready)  ## check the style of the code, in modules and notebooks
	$(bin)/python -m ruff check .

grade: $(ready)  ## grade submissions: make grade SUBMISSIONS=folder [ASSIGNMENT=name] [SOURCES=folder] [JOBS=n] [UNSAFE=1]
	@PYTHONPATH=tools $(bin)/python -m grading $(if $(SUBMISSIONS),"$(SUBMISSIONS)") $(if $(JOBS),--jobs $(JOBS)) \
	    $(if $(ASSIGNMENT),--assignment "$(ASSIGNMENT)") $(if $(SOURCES),--sources "$(SOURCES)") \
	    $(if $(filter 1,$(UNSAFE)),--unsafe)

picture: $(ready)  ## draw the README's picture and the preview of shared links from the networks' data
	$(bin)/python tools/picture.py
	$(bin)/python tools/preview.py

release: $(ready)  ## write the students' versions of the assignments: make release [SOURCES=folder]
	$(bin)/python tools/release.py $(if $(SOURCES),--sources "$(SOURCES)")

lock:  ## resolve requirements/book.in anew and write requirements/lock.txt
	python=$$(sh tools/find_python.sh "$(PYTHON)") && "$$python" tools/lock.py

address: $(ready)  ## set the published address everywhere: make address URL=https://github.com/OWNER/NAME
	$(bin)/python tools/address.py "$(URL)"
	@test ! -d assignments/source || $(bin)/python tools/release.py

clean:  ## remove everything that these commands made
	rm -rf .venv _build .pytest_cache .ruff_cache .hypothesis

$(ready): requirements/lock.txt pyproject.toml
	@python=$$(sh tools/find_python.sh "$(PYTHON)") && { test -x $(bin)/python || "$$python" -m venv .venv; }
	@echo "Installing what requirements/lock.txt lists into .venv; the first time takes some minutes."
	@$(bin)/python -m pip install -qq -r requirements/lock.txt
	@$(bin)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(html): $(ready) $(pages)
	$(bin)/jupyter-book build --all -W --keep-going --quiet .
	@touch $@
