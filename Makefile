# The book's commands; `make help` lists them. What they make lies in .venv/ and _build/.

# The Python to make the environment with (3.11.4 or later, 3.12 or 3.13); empty: the first fit one that is installed.
PYTHON ?=
# How many notebooks and test modules run side by side.
WORKERS ?= 2

bin   := .venv/bin
ready := .venv/ready
html  := _build/html/index.html
pages := $(wildcard *.md chapters/* quizzes/*) _config.yml _toc.yml references.bib pyproject.toml
pages += $(shell find _ext _static _templates -type f -not -name "*.pyc")
pages += $(shell find code/alexbook -name "*.py") $(wildcard data/runs/*.json)  # what the widgets show

# An option $1 with the value of the variable $2 as it was typed: nothing in it means anything to make or to the shell.
asis = $(if $(value $2),$1 '$(subst ','\'',$(value $2))')

# A notebook's kernel takes one thread and sleeps while it waits, so that several can run side by side.
export OMP_NUM_THREADS = 1
export OMP_WAIT_POLICY = passive
export TF_CPP_MIN_LOG_LEVEL = 3
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book pdf epub figures slides downloads gettext test notebooks lint homes grade quizzes exam instructor
.PHONY: gradebook gradescope nbgrader picture release cleannotebooks lock address clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

book: $(html)  ## make the environment and the book's pages, and say where to open them
	@echo "The book is made; open $(CURDIR)/$(html)"

pdf: $(html)  ## print the whole book with Chromium, solutions at the end: make pdf [PAPER=Letter]
	@PYTHONPATH=tools:_ext $(bin)/python -m printing $(if $(PAPER),--paper "$(PAPER)")

epub: $(html)  ## write the book as an EPUB for e-readers, solutions at the end
	@PYTHONPATH=tools:_ext $(bin)/python -m ebook

figures: $(html)  ## pack the book's figures for slides and handouts, with captions and license
	@PYTHONPATH=tools:_ext $(bin)/python -m figure_pack

slides: $(ready)  ## make a deck for each chapter, HTML and PDF: make slides [DECKS="06 07"]
	@PYTHONPATH=tools:_ext $(bin)/python -m decks $(DECKS)

downloads: pdf epub figures cleannotebooks  ## put these as files beside the pages, for BOOK_DOWNLOADS=1 make book
	@mkdir -p _build/html/downloads
	@cp _build/pdf/*.pdf _build/epub/*.epub _build/figures/*.zip _build/notebooks/*.zip _build/html/downloads/

# A folder of its own: the documents that the catalogs are made of are not those of the pages.
gettext: $(ready)  ## write the catalogs that a translation begins with, to _build/gettext
	@$(bin)/jupyter-book build --all --quiet --builder custom --custom-builder gettext --path-output _build/catalogs .
	@rm -rf _build/gettext
	@sed -i.bak 's|^#: \.\./\.\./\.\./\.\./|#: ../../|' _build/catalogs/_build/gettext/*.pot
	@rm _build/catalogs/_build/gettext/*.bak
	@mv _build/catalogs/_build/gettext _build/gettext
	@rm -rf _build/catalogs
	@echo "The catalogs are made; they are in $(CURDIR)/_build/gettext"

test: $(html)  ## test the package, re-run and compare every notebook, check the pages
	$(bin)/python -m pytest -n $(WORKERS) --dist loadscope --nbval --nbval-cell-timeout=900 --timeout=900 tests chapters

notebooks: $(ready)  ## run every chapter and store what its cells show; write the lists of chapters
	$(bin)/python tools/run_notebooks.py
	$(bin)/python tools/chapter_lists.py

lint: $(ready)  ## check the code: defects and style, types, the scripts' syntax where Node is
	$(bin)/python -m ruff check .
	$(bin)/python -m mypy
	@if command -v node >/dev/null; then for script in $$(git ls-files "*.js" ":!extra"); do node --check "$$script" || exit 1; done; fi

homes: $(ready)  ## list where a number stands in text, code and outputs: make homes NUMBER=60965224
	@$(bin)/python tools/homes.py $(call asis,,NUMBER)

grade: $(ready)  ## grade submissions: make grade SUBMISSIONS=folder [ASSIGNMENT=name] [SOURCES=folder] [JOBS=n] [UNSAFE=1]
	@PYTHONPATH=grader $(bin)/python -m alexgrader $(call asis,,SUBMISSIONS) $(call asis,--jobs,JOBS) \
	    $(call asis,--assignment,ASSIGNMENT) $(call asis,--sources,SOURCES) $(if $(filter 1,$(UNSAFE)),--unsafe)

quizzes: $(ready)  ## write every quiz for Canvas (QTI 1.2) and Moodle (XML, GIFT) into _build/quizzes
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach quizzes

exam: $(ready)  ## write an exam and its answers: make exam SEED=number [KEY=secret] [LEVEL=1, 2 or 3] [COUNT=n]
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach exam $(call asis,--seed,SEED) $(call asis,--key,KEY) \
	    $(call asis,--level,LEVEL) $(call asis,--count,COUNT)

instructor: $(ready)  ## write the question bank from a secret of yours: make instructor KEY=secret [PRIVATE=folder]
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach instructor $(call asis,--key,KEY) $(call asis,--private,PRIVATE)

gradebook: $(ready)  ## grades for Canvas and Moodle, totals, reports: make gradebook GRADES=csv ROSTER=csv [RULES=yml]
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach grades $(call asis,,GRADES) $(call asis,,ROSTER) \
	    $(call asis,--rules,RULES)

gradescope: $(ready)  ## write an autograder for Gradescope for each assignment: make gradescope [SOURCES=folder]
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach gradescope $(call asis,--sources,SOURCES)

nbgrader: $(ready)  ## write a course folder for nbgrader into _build/nbgrader: make nbgrader [SOURCES=folder]
	@PYTHONPATH=teaching:_ext:grader $(bin)/python -m alexteach nbgrader $(call asis,--sources,SOURCES)

picture: $(ready)  ## draw the pictures of README, shared links and logo, and write the palette into the style sheet
	$(bin)/python tools/draw.py

release: $(ready)  ## write the students' versions of the assignments: make release [SOURCES=folder]
	$(bin)/python tools/release.py $(if $(SOURCES),--sources "$(SOURCES)")

cleannotebooks: $(ready)  ## write the chapters' notebooks without text, empty ones to fill in, and a zip, to _build/notebooks
	$(bin)/python tools/lesson_notebooks.py

lock:  ## resolve requirements/book.in anew and write requirements/lock.txt
	python=$$(sh tools/find_python.sh "$(PYTHON)") && "$$python" tools/lock.py

address: $(ready)  ## set the published address everywhere: make address URL=https://github.com/OWNER/NAME [BRANCH=name]
	$(bin)/python tools/address.py "$(URL)" $(if $(BRANCH),--branch "$(BRANCH)")
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
	@$(bin)/python tools/check_chapters.py
	$(bin)/jupyter-book build --all -W --keep-going --quiet .
	@touch $@
