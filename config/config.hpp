#pragma once

// The configuration of a node: defaults, overridden by a file (--config-file=FILE), overridden by
// the environment (STARLING_GOSSIP_INTERVAL=200ms), overridden by flags (--gossip.interval=200ms).
//
// CAF reads the file and drops silently what it does not understand in it; `parse` does not: an
// unknown name, a dotted name in the file, a value of the wrong type or out of range is an error
// that names it. Files look like `gossip { interval = 200ms }`; options of CAF's own go into `caf {
// }`.

#include "config/command_line.hpp"
#include "config/environment.hpp"
#include "config/options.hpp"

#include <caf/actor_system_config.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace starling::config {

/// As in CMakeLists.txt.
extern const std::string_view version; // of CMakeLists.txt

/// CAF's part: its own options, with its scheduler as this program wants it.
class node_config : public caf::actor_system_config {
public:
  node_config();
};

/// The process should end with this status: nothing to do after --help, or an error to report.
struct exit_request {
  int code = 0;
  std::string text;
};

/// Reads CAF's part of flags and file into `config`, and our options out of all sources. Each value
/// is checked, also one that another source overrides. Reads no other file than those named in
/// them.
std::variant<options, exit_request> parse(const command_line& line, const environment& variables,
                                          node_config& config);

/// What --help prints: every option with default, unit and meaning.
std::string options_help();

/// The same as Markdown tables, for docs/configuration.md: everyday options first, those of SWIM
/// last.
std::string options_markdown();

} // namespace starling::config
