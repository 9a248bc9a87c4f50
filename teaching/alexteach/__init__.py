"""What an instructor takes from the book: quizzes for a platform, exams, grades, and graders.

    names      the names that a question's expressions may use, and their evaluation
    questions  a question in no platform's form; the quizzes' questions and their variants
    markup     a question's text as HTML, LaTeX and Markdown
    qti        QTI 1.2, as Canvas reads it
    moodle     Moodle XML and GIFT
    exams      exams and a question bank with computed answers, from a seed and a secret
    gradebook  grades for Canvas and Moodle, totals, a report for each student
    courses    the assignments as zips for Gradescope and as a course for nbgrader
    gradescope what runs in Gradescope's container
"""
