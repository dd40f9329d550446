#pragma once

// A command line, taken apart before anything is made of the values in it.
//
// Every option is a flag, written `--gossip.interval=1s` or `--gossip.interval 1s`; one that is
// true or false may stand alone for true. Options of the middle of a command line go without their
// group:
// `--data-dir`. Of flags that are given twice the last one counts.

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::config {

struct command_line {
  /// Options with their values, in order; names with their group.
  std::vector<std::pair<std::string, std::string>> settings;
  std::optional<std::string> config_file;
  /// Flags of CAF's own, as CAF takes them: `--caf.NAME=VALUE`.
  std::vector<std::string> for_caf;
  /// What is no flag, in order.
  std::vector<std::string> words;
  bool wants_help = false;
  bool wants_version = false;
  /// What is wrong, if anything is.
  std::optional<std::string> complaint;
};

/// Takes apart what stands behind the name of the program.
command_line take_apart(const std::vector<std::string>& arguments);

} // namespace starling::config
