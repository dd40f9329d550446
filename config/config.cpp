#include "config/config.hpp"

#include "config/config_file.hpp"
#include "config/option_text.hpp"
#include "membership/endpoint.hpp"

#include <caf/error.hpp>
#include <caf/pec.hpp>
#include <caf/typed_message_view.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

namespace starling::config {

namespace {

// --- what depends on several options ----------------------------------------------------------

std::string host_of(const std::string& address) {
  return address.substr(0, address.rfind(':'));
}

std::string port_of(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

std::optional<std::string> read_key_file(cluster_options& cluster) {
  if (cluster.key_file.empty())
    return std::nullopt;
  if (!cluster.key.empty())
    return "cluster.key and cluster.key-file exclude each other";
  std::ifstream file{cluster.key_file};
  if (!std::getline(file, cluster.key))
    return fmt::format("cluster.key-file: cannot read a line of {}", cluster.key_file);
  if (cluster.key.ends_with('\r'))
    cluster.key.pop_back();
  if (cluster.key.size() < key_bytes_min)
    return fmt::format("cluster.key-file: the first line of {} must have at least {} bytes",
                       cluster.key_file, key_bytes_min);
  return std::nullopt;
}

/// Fills in what depends on other options; says what does not fit together. Requires: each value
/// keeps its own rule.
std::optional<std::string> complete(options& o) {
  if (auto bad = read_key_file(o.cluster))
    return bad;
  const auto listen = *membership::parse_endpoint(o.cluster.listen);
  if (o.cluster.advertise.empty()) {
    if (membership::is_wildcard(listen))
      return fmt::format("cluster.advertise is needed, since cluster.listen = {} is a wildcard",
                         o.cluster.listen);
    o.cluster.advertise = o.cluster.listen;
  }
  if (o.http.advertise.empty())
    o.http.advertise = membership::is_wildcard(*membership::parse_endpoint(o.http.listen))
                           ? host_of(o.cluster.advertise) + ":" + port_of(o.http.listen)
                           : o.http.listen;
  if (o.node.name.empty())
    o.node.name = o.cluster.advertise;
  if (!is_member_name(o.node.name))
    return "node.name is needed, since cluster.advertise is too long for a name";
  if (o.http.listen == o.cluster.listen)
    return "http.listen and cluster.listen must differ";
  if (!membership::is_loopback(listen) && o.cluster.key.empty() && !o.cluster.insecure)
    return fmt::format("cluster.key or cluster.key-file is needed, since cluster.listen = {} is "
                       "open to other machines (or set cluster.insecure)",
                       o.cluster.listen);
  if (const auto bad = membership::complaint_about(o.swim))
    return "swim: " + *bad;
  if (!o.storage.in_memory && o.storage.data_dir.empty())
    return "storage.data-dir is needed, unless storage.in-memory is set";
  if (!o.storage.in_memory && o.node.identity_file.empty())
    o.node.identity_file = o.storage.data_dir + "/identity";
  if (o.gossip.max_message > o.gossip.max_log)
    return "gossip.max-message must not be above gossip.max-log";
  if (o.http.max_body > o.gossip.max_value / 2)
    return "http.max-body must not be above half of gossip.max-value, or a value could be written "
           "that cannot be sent";
  return std::nullopt;
}

// --- the command line ------------------------------------------------------------------------

exit_request refuse(const complaints& bad, const std::string& source = "") {
  exit_request result{1, ""};
  for (const auto& complaint : bad)
    result.text += fmt::format("starlingd: {}{}\n", source, complaint);
  return result;
}

/// Sets the options that a source gives, each after the others; what is wrong with them.
complaints assign_all(options& o,
                      const std::vector<std::pair<std::string, std::string>>& settings) {
  complaints bad;
  for (const auto& [name, text] : settings)
    if (auto complaint = assign(o, name, text))
      bad.push_back(std::move(*complaint));
  return bad;
}

std::string describe_flag_error(const caf::error& error) {
  std::string argument;
  if (const auto view = caf::make_const_typed_message_view<std::string>(error.context()))
    argument = caf::get<0>(view);
  if (error == caf::pec::not_an_option)
    return fmt::format("{} is unknown; --help lists the options", argument);
  // Only the name: the value may be a key.
  return fmt::format("{}: {}", argument.substr(0, argument.find('=')), in_words(error.code()));
}

/// Editors of another system end lines with CR LF.
std::string with_plain_line_ends(std::string text) {
  for (auto at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at))
    text.erase(at, 1);
  return text;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (file.peek() == std::ifstream::traits_type::eof())
    return file.is_open() && !file.bad() ? std::optional{std::string{}} : std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  return content ? std::optional{with_plain_line_ends(content.str())} : std::nullopt;
}

} // namespace

node_config::node_config() {
  // A pool in one queue, and actors that give way: with CAF's own defaults one busy actor can
  // starve the rest of a small machine.
  set("caf.scheduler.policy", "sharing");
  set("caf.scheduler.max-threads", std::max<std::size_t>(1, std::thread::hardware_concurrency()));
  set("caf.scheduler.max-throughput", std::size_t{300});
}

std::variant<options, exit_request> parse(const command_line& line, const environment& variables,
                                          node_config& config) {
  if (line.wants_help)
    return exit_request{0, options_help()};
  if (line.wants_version)
    return exit_request{0, fmt::format("starlingd {}\n", version)};
  if (line.complaint)
    return refuse({*line.complaint});
  if (!line.words.empty())
    return refuse({fmt::format("{} is not an option; --help lists them", line.words.front())});

  std::string content;
  if (const auto file = line.config_file ? line.config_file : config_file_of(variables)) {
    auto found = read_file(*file);
    if (!found)
      return refuse({fmt::format("cannot read {}", *file)});
    content = std::move(*found);
    if (const auto bad = check_file(content, config.custom_options()); !bad.empty())
      return refuse(bad, *file + ": ");
  }
  std::istringstream stream{content};
  if (const auto error = config.parse(line.for_caf, stream))
    return refuse({describe_flag_error(error)});
  options result;
  if (const auto bad = read(result, caf::content(config)); !bad.empty())
    return refuse(bad);
  if (const auto bad = assign_all(result, settings_of(variables)); !bad.empty())
    return refuse(bad, "in the environment: ");
  if (const auto bad = assign_all(result, line.settings); !bad.empty())
    return refuse(bad);
  if (const auto bad = complete(result))
    return refuse({*bad});
  return result;
}

std::string options_help() {
  std::string result =
      "starlingd: a node of a replicated key-value store\n"
      "\n"
      "usage: starlingd [--config-file=FILE] [OPTION...]\n"
      "       starlingd leave [--config-file=FILE] [OPTION...]\n"
      "       starlingd backup DIR [--config-file=FILE] [OPTION...]\n"
      "\n"
      "With leave, tells the running node of that configuration to hand on what "
      "it has, leave its cluster\nand end.\n"
      "With backup, tells it to write a copy of all that it has committed into "
      "the new folder DIR, which a\nnode can be started on.\n"
      "\n"
      "  --help, --version\n"
      "  --config-file=FILE\n"
      "      Options in groups, as in: gossip { interval = 200ms }.\n"
      "\n"
      "A flag is written --NAME=VALUE or --NAME VALUE. Each option may also stand "
      "in the environment:\n"
      "http.listen as STARLING_HTTP_LISTEN, the file as STARLING_CONFIG_FILE. Flags "
      "win over the environment,\nthe environment over the file.\n"
      "\n";
  options defaults;
  visit_options(defaults, [&]<class T>(std::string_view name, const T& value, const auto& rule,
                                       std::string_view meaning) {
    // One that is true or false is switched on by its name alone.
    const auto shown = show(plain(value));
    const auto sample = std::is_same_v<T, bool> ? "" : "=" + shown;
    result += fmt::format("  --{}{}\n      {}\n      {} (default {})\n", name, sample, meaning,
                          describe(rule), shown);
  });
  return result;
}

namespace {

/// The options that most nodes need.
constexpr std::string_view everyday_options[] = {
    "node.name",        "http.listen",       "http.advertise",     "cluster.name",
    "cluster.key-file", "cluster.listen",    "cluster.advertise",  "cluster.seeds",
    "storage.data-dir", "storage.in-memory", "storage.durability", "log.level"};

/// A table of the options of one group, or of all groups, for which `is_shown` holds. Empty if
/// there are none.
std::string markdown_table(std::string_view title, const auto& is_shown) {
  std::string rows;
  options defaults;
  visit_options(defaults, [&](std::string_view name, const auto& value, const auto& rule,
                              std::string_view meaning) {
    if (is_shown(name))
      rows += fmt::format("| `{}` | `{}` | {} | {} |\n", name, show(plain(value)), describe(rule),
                          meaning);
  });
  if (rows.empty())
    return rows;
  return fmt::format("\n### {}\n\n| option | default | values | meaning |\n| --- | --- | --- | --- "
                     "|\n{}",
                     title, rows);
}

} // namespace

std::string options_markdown() {
  const auto is_everyday = [](std::string_view name) {
    return std::ranges::find(everyday_options, name) != std::end(everyday_options);
  };
  auto result = markdown_table("Everyday options", is_everyday);
  std::vector<std::string_view> groups;
  options defaults;
  visit_options(defaults, [&](std::string_view name, const auto&, const auto&, std::string_view) {
    const auto group = name.substr(0, name.find('.'));
    if (group != "swim" && std::ranges::find(groups, group) == groups.end())
      groups.push_back(group);
  });
  groups.push_back("swim"); // few people need these
  for (const auto group : groups)
    result += markdown_table(group, [&](std::string_view name) {
      return name.substr(0, name.find('.')) == group && !is_everyday(name);
    });
  return result + "\n";
}

} // namespace starling::config
