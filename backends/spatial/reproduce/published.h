// Figures that papers publish, as results/published/*.csv keeps them. results/published/README.md explains the columns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convroof::spatial {

// What counts as agreement: a deviation in percent ("5%"), in the figure's own unit ("0.05"), or an interval ("1.24..1.55").
struct Acceptance {
  double low = 0, high = 0;  // both inclusive
};

struct PublishedFigure {
  std::string accelerator;     // a stem of accelerators/*.toml, or a machine that is not here; empty: of the workload itself
  std::string network, layer;  // layer: `conv` all convolutions, `all` all layers with weights, or one
  int batch = 1;
  std::string quantity;
  double value = 0;
  std::string unit;
  std::string density;   // set of zeros that the emulator takes; empty: no number is looked at
  std::string test;      // within, compatible (other zeros or another network than the paper's), none
  std::string accept;    // as written
  std::string baseline;  // accelerator that a ratio is to
  std::string macs, padding, compression, evidence, source, place;
  std::string read;  // read, transcription, recalled
  std::string note;
  std::string where;  // file:line

  std::optional<Acceptance> acceptance() const;  // empty for test = none
  bool is_tested() const { return test != "none"; }
};

// A setting of an accelerator's file that a paper leaves open, with another value than the shipped one.
struct PublishedOption {
  std::string accelerator, option, value, why;
};

// A number of an accelerator's file that no paper states.
struct FreeConstant {
  std::string accelerator, constant, value, why;
};

// All figures of one file. Throws InputError (file:line:column, the word, the mend).
std::vector<PublishedFigure> parse_figures(std::string_view text, const std::string& shown_name);
std::vector<PublishedFigure> read_figures(const std::string& path);

// Those of results/published/, files in alphabetical order.
std::vector<PublishedFigure> shipped_figures();
std::vector<PublishedOption> shipped_options();
std::vector<FreeConstant> shipped_constants();

}  // namespace convroof::spatial
