"""What people type, what they get back, and the exit code."""

from __future__ import annotations

import unittest

from program import ProgramTest, strict

KNOWN_LISTS = ("networks", "backends", "variants", "accelerators", "densities")


class Lists(ProgramTest):
    def test_every_list_has_a_table_and_json(self) -> None:
        for what in KNOWN_LISTS:
            text, _ = self.call("list", what)
            entries = strict(self.call("list", what, "--json")[0])
            self.assertEqual(len(text.splitlines()), len(entries))
            for entry in entries:
                self.assertLessEqual({"name", "backend", "available", "reason"}, set(entry))
                self.assertIsInstance(entry["available"], bool)
                self.assertEqual(entry["available"], entry["reason"] == "", entry)

    def test_networks_are_those_promised(self) -> None:
        names = [entry["name"] for entry in strict(self.call("list", "networks", "--json")[0])]
        for name in [
            "alexnet",
            "vgg16",
            "vgg19",
            "resnet18",
            "resnet34",
            "resnet50",
            "resnet101",
            "resnet152",
            "resnet50-v1",
            "resnet101-v1",
            "resnet152-v1",
            "lenet5",
            "lenet-300-100",
        ]:
            self.assertIn(name, names)

    def test_unknown_list(self) -> None:
        _, err = self.call("list", "netwroks", code=2)
        self.assertIn("networks", err)


class Describe(ProgramTest):
    def test_totals_of_the_classics(self) -> None:
        alexnet = strict(self.call("describe", "alexnet", "--json")[0])
        self.assertEqual(alexnet["totals"]["macs"], 724406816)
        self.assertEqual(sum(layer["macs"] for layer in alexnet["layers"] if layer["op"] == "conv"), 665784864)
        vgg = strict(self.call("describe", "vgg16", "--json")[0])
        self.assertEqual((vgg["totals"]["macs"], vgg["totals"]["weights"], vgg["totals"]["biases"]), (15470264320, 138344128, 13416))
        lenet = strict(self.call("describe", "lenet5", "--json")[0])
        self.assertEqual((lenet["totals"]["weights"], lenet["totals"]["biases"]), (430500, 580))

    def test_batch_type_density_and_training(self) -> None:
        one = strict(self.call("describe", "alexnet", "--json")[0])
        many = strict(self.call("describe", "alexnet", "--batch", "4", "--type", "f16", "--density", "han2015", "--training", "--json")[0])
        self.assertEqual(many["totals"]["macs"], 4 * one["totals"]["macs"])
        self.assertLess(many["totals"]["weight_bytes"], one["totals"]["weight_bytes"] / 2)
        self.assertEqual(many["layers"][0]["macs_backward_data"], 0)
        self.assertEqual(many["layers"][3]["macs_backward_data"], many["layers"][3]["macs"])
        self.assertEqual(many["hash"], one["hash"])

    def test_reuse(self) -> None:
        alexnet = strict(self.call("describe", "alexnet", "--batch", "16", "--json")[0])
        self.assertEqual(alexnet["totals"]["reuse"]["accesses_no_reuse"], 16 * 4 * 724406816)
        fc6 = next(layer for layer in alexnet["layers"] if layer["name"] == "fc6")["reuse"]
        self.assertEqual((fc6["convolutional_weight"], fc6["feature_map"], fc6["filter"], fc6["uses_of_weight"]), (1, 4096, 16, 16))
        self.assertEqual(fc6["uses_of_weight_by_batch"]["64"], 64)
        self.assertIn("2,897,627,264", self.call("describe", "alexnet")[0])
        self.assertIn("Filter reuse", self.call("describe", "alexnet", "--reuse")[0])

    def test_totals_carry_repeats(self) -> None:
        file = self.folder / "n.toml"
        file.write_text('name = "n"\ninput = [4, 8, 8]\n[[layer]]\nname = "a"\nop = "conv"\nout_channels = 4\nkernel = 3\npadding = 1\nrepeats = 3\n')
        described = strict(self.call("describe", file, "--json")[0])
        self.assertEqual(described["totals"]["macs"], 3 * described["layers"][0]["macs"])
        self.assertEqual(described["layers"][0]["repeats"], 3)

    def test_table_goes_to_stdout_and_nothing_to_stderr(self) -> None:
        out, err = self.call("describe", "vgg16")
        self.assertIn("15,470,264,320", out)
        self.assertEqual(err, "")

    def test_mistakes(self) -> None:
        for arguments, word in [
            (["describe", "vgg61"], "vgg16"),
            (["describe", "vgg16", "--type", "f23"], "f32"),
            (["describe", "vgg16", "--density", "hna2015"], "han2015"),
            (["describe", "resnet18", "--density", "han2015"], "resnet18"),
            (["describe", "vgg16", "--batch", "0"], "batch"),
            (["describe", "vgg16", "--batch", "-3"], "batch"),
            (["describe", "vgg16", "--batch", "99999999999999999999"], "batch"),
            (["describe"], "network"),
            (["describe", "vgg16", "--trainign"], "--training"),
            (["describe", "./nowhere.toml"], "nowhere.toml"),
        ]:
            out, err = self.call(*arguments, code=2)
            self.assertIn(word, err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            self.assertEqual(out, "")


class NetworkFiles(ProgramTest):
    def refused(self, text: str | bytes, *words: str) -> None:
        file = self.folder / "bad.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        for verb in (["describe", file], ["run", "--dry-run", "--networks", file]):
            _, err = self.call(*verb, code=2)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            for word in ("bad.toml:", *words):
                self.assertIn(word, err)

    def test_bad_files_get_a_place_a_word_and_a_mend(self) -> None:
        layer = 'name = "n"\ninput = [3, 8, 8]\n[[layer]]\nname = "a"\nop = "conv"\nout_channels = 4\nkernel = 3\n'
        self.refused("", "name")
        self.refused(layer + "strides = 2\n", ":8:", "strides", "stride")
        self.refused(layer + "stride = 0\n", ":8:", "stride")
        self.refused(layer + "stride = -1\n", ":8:", "stride")
        self.refused(layer + 'stride = "2"\n', ":8:", "stride")
        self.refused(layer + "padding = 99999999999999999999\n", ":8:")
        self.refused(layer + layer[layer.index("[[") :], ":8:", "a")
        self.refused(layer + 'input = "b"\n', ":8:", "b")
        self.refused("name = \n", ":1:")
        self.refused(b"\xff\xfe\x00garbage" * 1000, ":1:")
        self.refused("[" * 200000, "")
        self.refused(b"\x00" * 10_000_000, "")
        self.refused("x" * 10_000_000, "")

    def test_a_folder_and_a_missing_file(self) -> None:
        self.assertIn("nowhere", self.call("describe", self.folder / "nowhere.toml", code=2)[1])
        (self.folder / "folder.toml").mkdir()
        self.call("describe", self.folder / "folder.toml", code=2)


class RunArguments(ProgramTest):
    def test_unknown_names(self) -> None:
        for arguments, word in [
            (["--networks", "alexnte"], "alexnet"),
            (["--backends", "refernce"], "reference"),
            (["--layers", "cnov1", "--networks", "lenet5"], "conv1"),
            (["--variants", "plian", "--backends", "reference"], "plain"),
            (["--types", "f33"], "f32"),
            (["--densities", "dens"], "dense"),
            (["--densities", "uniform:2/1"], "uniform:W/A"),
            (["--densities", "4:2"], "N:M"),
            (["--densities", "uniform:nan/0.5"], "uniform"),
            (["--cache", "hot"], "cache"),
            (["--epilogue", "biass"], "bias"),
            (["--data", "normla"], "normal"),
            (["--batches", "0"], "batches"),
            (["--batches", "1,,2"], "batches"),
            (["--batches", "1.5"], "batches"),
            (["--threads", "0"], "threads"),
            (["--threads", "x"], "threads"),
            (["--require", "highwy"], "highway"),
            (["--netwroks", "alexnet"], "--networks"),
            (["--layers", "(", "--networks", "lenet5"], "--layers"),
            (["--benchmark_fliter=x"], "--benchmark_filter"),
            (["--benchmark_enable_random_interleaving=true"], "--benchmark_"),
            (["--benchmark_format=json"], "--benchmark_"),
            (["--benchmark_min_time=fast"], "min_time"),
            (["--benchmark_repetitions=0"], "repetitions"),
            (["--benchmark_out_format=xml"], "out_format"),
            (["--benchmark_filter=nothing/like/this"], "matches no case"),
            (["--benchmark_context=novalue"], "key=value"),
            (["--resume", "nowhere"], "nowhere"),
            (["--resume", "a", "--out", "b"], "--resume"),
            (["surplus"], "surplus"),
            (["--seed", "-1"], "seed"),
            (["--out", ""], "--out"),
            (["--networks", ""], "--networks"),
            (["--timeout", "nan"], "timeout"),
            (["--half-width", "nan"], "half-width"),
            (["--quick", "--layers", "pool1"], "layer"),
        ]:
            with self.subTest(arguments=arguments):
                _out, err = self.call("run", *arguments, code=2)
                self.assertIn(word, err)
                self.assertEqual(len(err.strip().splitlines()), 1, err)
                self.assertEqual(list(self.folder.iterdir()), [], "a refused run leaves nothing behind")

    def test_dry_run_measures_nothing(self) -> None:
        out, _ = self.call("run", "--quick", "--dry-run")
        self.assertIn("alexnet/conv1/reference/plain/f32/batch:1/dense/real_time", out)
        self.assertIn("predicted", out)
        self.assertIn("skipped: quick", out)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_list_tests(self) -> None:
        out, _ = self.call("run", "--networks", "lenet5", "--backends", "reference", "--benchmark_list_tests")
        self.assertEqual(len(out.splitlines()), 7)
        for line in out.splitlines():
            self.assertRegex(line, r"^lenet5/\w+/reference/plain/f32/batch:1/dense/real_time$")
        self.assertEqual(self.call("run", "--networks", "lenet5", "--backends", "reference", "--benchmark_list_tests=true")[0], out)

    def test_require(self) -> None:
        self.call("run", "--dry-run", "--networks", "lenet5", "--require", "reference")


class Program(ProgramTest):
    def test_help_everywhere(self) -> None:
        out, err = self.call("--help")
        self.assertEqual(err, "")
        verbs = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
        for verb in ("list", "describe", "run", "doctor"):
            self.assertIn(verb, verbs)
            self.assertIn("--help", self.call(verb, "--help")[0])

    def test_no_verb_and_unknown_verb(self) -> None:
        self.call(code=2)
        self.assertIn("run", self.call("rnu", code=2)[1])
        self.assertIn("convroof", self.call("--version")[0])

    def test_output_that_cannot_be_written(self) -> None:
        with open("/dev/full", "w") as full:
            self.call("list", "networks", code=74, stdout=full)
            self.call("describe", "vgg16", code=74, stdout=full)
            self.call("run", "--dry-run", "--networks", "lenet5", code=74, stdout=full)

    def test_data_are_not_sought_in_the_current_folder(self) -> None:
        networks = self.folder / "workloads" / "networks"
        networks.mkdir(parents=True)
        (networks / "mine.toml").write_text("nonsense")
        names = [entry["name"] for entry in strict(self.call("list", "networks", "--json")[0])]
        self.assertNotIn("mine", names)

    def test_doctor_fits_one_screen(self) -> None:
        out, _ = self.call("doctor")
        self.assertLess(len(out.splitlines()), 40)
        self.assertIn("reference", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
