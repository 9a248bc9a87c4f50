"""Grading of nbgrader assignments, for instructors: ``make grade SUBMISSIONS=folder``.

    submissions   what came in: files, folders and archives, whose they are, and what cannot be graded
    assignment    the source of an assignment: its questions, and a submission's cells put into its order
    serialization values as JSON and back, data only: all that passes between a submission and its grader
    sandbox       a process that sees nothing, and the conversation with it
    worker        what runs inside it: the student's cells and functions
    proxies       a submission's names as the tests see them
    grade_one     one submission graded: the student's code inside, the tests (hidden ones too) outside
    results       one file for each submission's result, and the points that were given by hand
    report        grades.csv, a page of feedback for each student, the summary

A submission never sees a test and cannot touch the process that decides: its functions are called with data, and data
come back. What a test's cell may use follows from that and stands at the top of ``grade_one``.
"""
