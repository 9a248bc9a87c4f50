"""``make homes`` lists where a number stands."""

import homes
import pytest


@pytest.mark.parametrize("text", ["60,965,224", "60_965_224 == x", "of 60965224.", "$60{,}965{,}224$", "(60,965,224)"])
def test_a_number_is_found_however_it_is_written(text):
    assert homes.pattern("60,965,224").search(text)


@pytest.mark.parametrize("text", ["160,965,224", "60,965,224,000", "60,965,2241", "60965224_0", "60,965,224.5",
                                  "2f60965224"])
def test_other_numbers_are_not(text):
    assert not homes.pattern("60965224").search(text)


def test_a_decimal_number_is_itself_alone():
    assert homes.pattern("15.3").search("15.3 %") and homes.pattern("15.3").search("It is 15.3.")
    assert not homes.pattern("15.3").search("15.31") and not homes.pattern("15.3").search("115.3")


def test_homes_in_text_code_and_outputs_are_told_apart(capsys):
    assert homes.main("60965224") == 0
    found = capsys.readouterr().out
    for home in ("chapters/06-output-sizes.ipynb, cell", ", text: ", ", code: ", ", output: ", "quizzes/", "tests/"):
        assert home in found


def test_a_number_without_a_home_and_what_is_no_number_are_said(capsys):
    assert homes.main("9182736455" + "46372819") == 1
    assert "stands nowhere" in capsys.readouterr().out
    with pytest.raises(ValueError, match="must be digits"):
        homes.main("sixty")
