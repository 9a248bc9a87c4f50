"""nbgrader's settings: run nbgrader's own commands in this folder, or `make release` in the one above."""

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "alexnet-layer-by-layer"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
# A framework's import alone can take longer than nbgrader's 30 seconds.
c.ExecutePreprocessor.timeout = 180
