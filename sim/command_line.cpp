#include "sim/command_line.hpp"

#include <algorithm>
#include <charconv>

namespace starling::simulation {

namespace {

constexpr std::string_view options =
    R"( [OPTION...]

  --from M --seeds N     run the seeds M to M + N - 1 (default: from 1, 100 of them)
  --seed S [--trace]     run one seed, and tell all that happens
  --nodes N              of clusters of N nodes, 2 to 256 (default: drawn from 2 to 16)
  --without KIND,KIND    without some kinds of faults
  --shrink               name the fewest kinds with which a seed that fails still does
  --until-failure        end with status 0 when a seed fails, with 1 if none does
  --list                 the kinds of faults

Status 0: all that must hold did.
)";

template <class Number>
bool read_number(std::string_view text, Number& result) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), result);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

bool read_kinds(std::string_view text, fault_mask& result) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto kind = fault_kind_named(text.substr(0, comma));
    if (!kind)
      return false;
    result.set(static_cast<std::size_t>(*kind));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

} // namespace

std::string usage(std::string_view simulator) {
  return "usage: sim_" + std::string{simulator} + std::string{options};
}

std::optional<command_line> read_command_line(const std::vector<std::string>& words) {
  command_line result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--trace") {
      result.trace = true;
    } else if (word == "--shrink") {
      result.shrink = true;
    } else if (word == "--until-failure") {
      result.until_failure = true;
    } else if (word == "--list") {
      result.list = true;
    } else if (i + 1 == words.size()) {
      return std::nullopt;
    } else {
      const auto& value = words[++i];
      std::size_t nodes = 0;
      if (word == "--seed" && read_number(value, result.from)) {
        result.seeds = 1;
      } else if (word == "--nodes" && read_number(value, nodes) && nodes >= 2 && nodes <= 256) {
        result.nodes = nodes;
      } else if (!(word == "--from" && read_number(value, result.from)) &&
                 !(word == "--seeds" && read_number(value, result.seeds)) &&
                 !(word == "--without" && read_kinds(value, result.without))) {
        return std::nullopt;
      }
    }
  }
  return result;
}

std::string names_of(const fault_mask& kinds) {
  std::string result;
  for (std::size_t i = 0; i < fault_kinds; ++i)
    if (kinds[i])
      result += (result.empty() ? "" : ",") + std::string{to_string(static_cast<fault_kind>(i))};
  return result;
}

} // namespace starling::simulation
