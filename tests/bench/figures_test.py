"""What the benchmark says of what it measured: medians, verdicts, drawings."""

import unittest
import xml.etree.ElementTree

import figures
import flame
import plot
import targets


class Figures(unittest.TestCase):
    def test_a_figure_is_a_median_with_its_whole_spread(self):
        of = figures.summary([5.0, 1.0, 3.0])
        self.assertEqual((of["median"], of["low"], of["high"], of["runs"]), (3.0, 1.0, 5.0, [5.0, 1.0, 3.0]))
        self.assertEqual(figures.spread(of), "3 (1 … 5)")
        self.assertIsNone(figures.summary([])["median"])

    def test_a_ratio_is_of_the_runs_that_stood_side_by_side(self):
        # The machine halved its speed for the second turn, ours and the control's alike: the ratio does not care.
        self.assertEqual(figures.ratio([100, 50, 100], [200, 100, 200])["median"], 0.5)
        self.assertEqual(figures.ratio([1, 1], [0, 4])["runs"], [0.25])

    def test_numbers_are_for_people(self):
        shown = [figures.number(value) for value in (None, 0, 12345.6, 0.4512, 3.14159, 7, "as it is")]
        self.assertEqual(shown, ["–", "0", "12,346", "0.451", "3.14", "7", "as it is"])


class Targets(unittest.TestCase):
    def test_a_miss_is_never_rounded_into_a_pass(self):
        self.assertEqual(targets.verdict(0.2999, 0.30, 0.50, False), "missed")
        self.assertEqual(targets.verdict(0.30, 0.30, 0.50, False), "floor met")
        self.assertEqual(targets.verdict(0.4999, 0.30, 0.50, False), "floor met")
        self.assertEqual(targets.verdict(0.50, 0.30, 0.50, False), "goal met")

    def test_less_is_better_where_it_is(self):
        self.assertEqual(
            [targets.verdict(value, 8, 4, True) for value in (8.01, 8, 4.01, 4)], ["missed", "floor met", "floor met", "goal met"]
        )

    def test_within_is_within(self):
        verdicts = [targets.verdict(value, (0.8, 1.25), (0.9, 1.1), None) for value in (0.79, 0.8, 1.0, 1.2, 1.26)]
        self.assertEqual(verdicts, ["missed", "floor met", "goal met", "floor met", "missed"])

    def test_what_was_not_measured_is_said(self):
        rows = targets.rows({"accept ÷ nginx": figures.summary([0.4])})
        self.assertEqual(rows[0][1:], ["0.4", "0.3", "0.5", "floor met"])
        self.assertEqual({row[-1] for row in rows[1:]}, {"not measured"})


class Plots(unittest.TestCase):
    def _well_formed(self, drawing: str):
        return xml.etree.ElementTree.fromstring(drawing)

    def test_lines_are_drawn_where_there_are_values(self):
        for log in (False, True):
            series = [
                {"name": "a < b", "points": [[1, 10], [64, None], [1024, 1000]], "low_high": [[1, 5, 20]]},
                {"name": "none", "points": []},
            ]
            root = self._well_formed(
                plot.svg(plot.lines("t", "x", "y", series, log_x=log, log_y=log, marks=[{"from": 1, "to": 5, "name": "down"}]))
            )
            paths = [one for one in root.iter() if one.tag.endswith("path")]
            self.assertEqual(len(paths), 1)
            self.assertEqual(paths[0].get("d").count("M"), 2)  # Broken where nothing was measured

    def test_nothing_and_zero_can_be_drawn(self):
        self.assertIn("Nothing", plot.svg(plot.lines("t", "x", "y", [{"name": "a", "points": []}])))
        self._well_formed(plot.svg(plot.lines("t", "x", "y", [{"name": "a", "points": [[0, 0], [1, 0]]}])))
        self._well_formed(plot.svg(plot.bars("t", "x", ["a", "b"], [{"name": "r", "values": [0, None]}])))

    def test_an_axis_ends_at_round_numbers(self):
        axis = plot.Axis(0, 4321, 0, 100, False)
        self.assertEqual((axis.ticks()[-1], axis.at(0), axis.at(5000)), (5000, 0, 100))
        axis = plot.Axis(3, 700, 0, 100, True)
        self.assertEqual((axis.ticks()[0], axis.ticks()[-1]), (1, 1000))


class Flame(unittest.TestCase):
    SCRIPT = (
        "holdfast:journa 12 5.000001:\n\t    7f00 s_apply+0x1f (/build/holdfast)\n\t    7f01 main (/build/holdfast)\n\n"
        "holdfast:journa 12 5.000002:\n\t    7f00 [unknown] (/usr/lib/liblmdb.so.0)\n\t    7f01 main (/build/holdfast)\n\n"
    )

    def test_stacks_are_folded_lowest_frame_first(self):
        stacks = flame.fold(self.SCRIPT)
        self.assertEqual(stacks, {("holdfast:journa", "main", "s_apply"): 1, ("holdfast:journa", "main", "liblmdb.so.0"): 1})

    def test_a_frames_width_is_its_share(self):
        drawing = flame.svg(flame.fold(self.SCRIPT))
        xml.etree.ElementTree.fromstring(drawing)
        self.assertIn("main: 100.0 %", drawing)
        self.assertIn("s_apply: 50.0 %", drawing)
        self.assertEqual(flame.svg({}), "")


if __name__ == "__main__":
    unittest.main()
