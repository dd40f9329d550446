#include "actors/config.hpp"

#include "actors/log.hpp"
#include "membership/joiner.hpp"

#include <caf/config_option_adder.hpp>
#include <caf/config_value.hpp>
#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/pec.hpp>
#include <caf/settings.hpp>
#include <caf/timespan.hpp>
#include <caf/typed_message_view.hpp>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

namespace starling::actors {

namespace {

using namespace std::chrono_literals;
using milliseconds = std::chrono::milliseconds;
using complaints = std::vector<std::string>;

// --- the table -------------------------------------------------------------------------------

/// What an option may be: the type of its value picks one of these.
struct number {
  std::size_t least;
  std::size_t most;
  std::string_view unit;
};

struct period {
  milliseconds least;
  milliseconds most;
};

struct text {
  std::string_view what;
  bool (*allows)(std::string_view);
};

struct texts {
  std::string_view what;
  bool (*allows)(std::string_view);
};

struct flag {};

bool is_printable(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_member_name(std::string_view s) {
  return s.size() <= membership::name_bytes_max && is_printable(s);
}

bool is_cluster_name(std::string_view s) {
  return !s.empty() && is_member_name(s);
}

bool is_endpoint(std::string_view s) {
  return membership::parse_endpoint(s).has_value();
}

bool is_reachable(std::string_view s) {
  const auto where = membership::parse_endpoint(s);
  return where && !membership::is_wildcard(*where);
}

bool is_reachable_or_empty(std::string_view s) {
  return s.empty() || is_reachable(s);
}

constexpr std::size_t key_bytes_min = 16;

bool is_key(std::string_view s) {
  return s.empty() || s.size() >= key_bytes_min;
}

bool is_anything(std::string_view) {
  return true;
}

/// Calls `visit(name, value, rule, meaning)` for each option: the one place that knows them all.
template <class Visitor>
void visit_options(options& o, Visitor visit) {
  visit("node.name", o.node.name, text{"up to 64 printable ASCII characters", is_member_name},
        "How logs and reports call this node; empty: its cluster.advertise.");

  visit("http.listen", o.http.listen, text{"host:port", is_endpoint},
        "Where clients are listened to.");
  visit("http.advertise", o.http.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where clients reach this node, shown in reports; empty: http.listen, with the host of "
        "cluster.advertise if that is a wildcard.");
  visit("http.threads", o.http.threads, number{1, 4096, "threads"},
        "Threads that serve clients; each open connection holds one, even before its first byte.");
  visit("http.max-body", o.http.max_body, number{1024, 64 << 20, "bytes"},
        "The largest body of a client's request; at most half of gossip.max-value.");
  visit("http.request-timeout", o.http.request_timeout, period{10ms, 10min},
        "How long a request may take before it is answered with an error.");
  visit("http.idle-timeout", o.http.idle_timeout, period{1s, 10min},
        "How long a client's connection is kept alive without a request.");

  visit("cluster.name", o.cluster.name, text{"1 to 64 printable ASCII characters", is_cluster_name},
        "Nodes with another name are strangers.");
  visit("cluster.key", o.cluster.key, text{"empty or at least 16 bytes", is_key},
        "The secret that the nodes of the cluster share; other users see it in the list of "
        "processes, so prefer cluster.key-file.");
  visit("cluster.key-file", o.cluster.key_file, text{"path", is_anything},
        "A file whose first line is the key.");
  visit("cluster.listen", o.cluster.listen, text{"host:port", is_endpoint},
        "Where peers are listened to.");
  visit("cluster.advertise", o.cluster.advertise,
        text{"host:port, not a wildcard", is_reachable_or_empty},
        "Where peers reach this node; empty: cluster.listen. Required if that is a wildcard.");
  visit("cluster.seeds", o.cluster.seeds, texts{"host:port", is_reachable},
        "Nodes to join the cluster by; this one may be among them.");
  visit("cluster.insecure", o.cluster.insecure, flag{},
        "Allow peers beyond this machine without a key.");
  visit("cluster.join-backoff-min", o.cluster.join_backoff_min, period{10ms, 1h},
        "The shortest wait before a seed out of reach is tried again.");
  visit("cluster.join-backoff-max", o.cluster.join_backoff_max, period{10ms, 1h},
        "The longest wait before a seed out of reach is tried again.");
  visit("cluster.sync-interval", o.cluster.sync_interval, period{100ms, 24h},
        "How often the list of members is exchanged with a random one.");
  visit("cluster.max-members", o.cluster.max_members, number{1, membership::members_max, "members"},
        "Members known at most, this node included; further ones are ignored.");
  visit("cluster.peer-clients", o.cluster.peer_clients, number{1, 256, "threads"},
        "Threads that send messages to peers.");
  visit("cluster.peer-timeout", o.cluster.peer_timeout, period{10ms, 10min},
        "How long a message to a peer and its answer may take together.");
  visit("cluster.threads", o.cluster.threads, number{1, 1024, "threads"},
        "Threads that serve peers.");

  visit("gossip.interval", o.gossip.interval, period{10ms, 1h},
        "How often changes are sent to a random peer.");
  visit("gossip.max-message", o.gossip.max_message, number{4096, 64 << 20, "bytes"},
        "The largest message to a peer, unless a single value is larger.");
  visit("gossip.max-log", o.gossip.max_log, number{4096, std::size_t{64} << 30, "bytes"},
        "How much change is kept for peers that have not acknowledged it.");
  visit("gossip.max-value", o.gossip.max_value, number{4096, 1 << 30, "bytes"},
        "The largest value that is sent to a peer.");

  visit("keys.shards", o.keys.shards, number{1, 1024, "actors"}, "Actors that look up the keys.");

  visit("log.level", o.log.level, text{"debug, info, warn or error", log::is_level},
        "The least level of what is logged.");
}

std::string describe(milliseconds t) {
  if (t % 1h == 0ms && t != 0ms)
    return fmt::format("{}h", t / 1h);
  if (t % 1min == 0ms && t != 0ms)
    return fmt::format("{}min", t / 1min);
  return t % 1s == 0ms ? fmt::format("{}s", t / 1s) : fmt::format("{}ms", t / 1ms);
}

std::string describe(const number& r) {
  return fmt::format("{} to {} {}", r.least, r.most, r.unit);
}

std::string describe(const period& r) {
  return fmt::format("{} to {}", describe(r.least), describe(r.most));
}

std::string describe(const text& r) {
  return std::string{r.what};
}

std::string describe(const texts& r) {
  return fmt::format(R"(list of {}, as ["a:1", "b:2"])", r.what);
}

std::string describe(const flag&) {
  return "true or false";
}

std::string show(std::size_t x) {
  return std::to_string(x);
}

std::string show(milliseconds x) {
  return describe(x);
}

std::string show(const std::string& x) {
  return fmt::format("\"{}\"", x);
}

std::string show(bool x) {
  return x ? "true" : "false";
}

std::string show(const std::vector<std::string>&) {
  return "[]"; // no list has another default
}

/// The type by which CAF knows a value of ours.
template <class T>
using caf_type = std::conditional_t<std::is_same_v<T, milliseconds>, caf::timespan, T>;

// --- values ----------------------------------------------------------------------------------

std::optional<std::string> complaint_about(std::size_t value, const number& rule) {
  if (value >= rule.least && value <= rule.most)
    return std::nullopt;
  return fmt::format("must be {}, not {}", describe(rule), value);
}

std::optional<std::string> complaint_about(milliseconds value, const period& rule) {
  if (value >= rule.least && value <= rule.most)
    return std::nullopt;
  return fmt::format("must be {}, not {}", describe(rule), describe(value));
}

// Does not repeat the value: it may be a key.
std::optional<std::string> complaint_about(const std::string& value, const text& rule) {
  if (rule.allows(value))
    return std::nullopt;
  return fmt::format("must be {}", describe(rule));
}

std::optional<std::string> complaint_about(const std::vector<std::string>& value,
                                           const texts& rule) {
  for (const auto& item : value)
    if (!rule.allows(item))
      return fmt::format("must be a {}; \"{}\" is no {}", describe(rule), item, rule.what);
  return std::nullopt;
}

std::optional<std::string> complaint_about(bool, const flag&) {
  return std::nullopt;
}

/// Reads a value from what CAF parsed; nothing if it is of another type.
template <class T>
std::optional<T> convert(const caf::config_value& from) {
  if (caf::holds_alternative<caf::settings>(from))
    return std::nullopt; // CAF would turn a group into a string
  if constexpr (std::is_same_v<T, std::string>) {
    if (caf::holds_alternative<caf::config_value::list>(from))
      return std::nullopt;
  }
  if (auto value = caf::get_as<caf_type<T>>(from)) {
    if constexpr (std::is_same_v<T, milliseconds>)
      return std::chrono::floor<milliseconds>(*value);
    else
      return std::move(*value);
  }
  return std::nullopt;
}

/// Reads each option that is set; complains about those with a bad value.
complaints read(options& o, const caf::settings& from) {
  complaints bad;
  visit_options(o, [&](std::string_view name, auto& value, const auto& rule, std::string_view) {
    const auto* given = caf::get_if(&from, caf::string_view{name.data(), name.size()});
    if (given == nullptr)
      return;
    auto converted = convert<std::decay_t<decltype(value)>>(*given);
    if (!converted) {
      bad.push_back(fmt::format("{} must be {}", name, describe(rule)));
      return;
    }
    value = std::move(*converted);
    if (const auto complaint = complaint_about(value, rule))
      bad.push_back(fmt::format("{} {}", name, *complaint));
  });
  return bad;
}

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
  if (o.cluster.join_backoff_min > o.cluster.join_backoff_max)
    return "cluster.join-backoff-min must not be above cluster.join-backoff-max";
  if (o.gossip.max_message > o.gossip.max_log)
    return "gossip.max-message must not be above gossip.max-log";
  if (o.http.max_body > o.gossip.max_value / 2)
    return "http.max-body must not be above half of gossip.max-value, or a value could be written "
           "that cannot be sent";
  return std::nullopt;
}

// --- the file --------------------------------------------------------------------------------

/// The names of our options and of the groups that hold them.
struct known_names {
  std::set<std::string, std::less<>> options;
  std::set<std::string, std::less<>> groups{"caf"};

  known_names() {
    actors::options any;
    visit_options(any, [this](std::string_view name, auto&, const auto&, std::string_view) {
      options.emplace(name);
      groups.emplace(name.substr(0, name.find('.')));
    });
  }
};

/// CAF accepts `http.listen = ...` and `caf.scheduler { ... }` in a file, without any effect: they
/// do not even appear in what it returns. Brackets without a name confuse it. So both are found in
/// the text.
complaints find_bad_shapes(std::string_view content) {
  complaints bad;
  const auto is_name_character = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  for (std::size_t i = 0; i < content.size();) {
    const char c = content[i];
    if (c == '#') {
      i = std::min(content.find('\n', i), content.size());
    } else if (c == '"' || c == '\'') {
      for (++i; i < content.size() && content[i] != c; ++i)
        i += content[i] == '\\' ? 1 : 0;
      ++i;
    } else if (is_name_character(c)) {
      const auto from = content.substr(i);
      const auto end = std::ranges::find_if_not(from, is_name_character);
      const auto word = from.substr(0, static_cast<std::size_t>(end - from.begin()));
      i = std::min(content.find_first_not_of(" \t\r\n", i + word.size()), content.size());
      const char next = i < content.size() ? content[i] : '\0';
      if (const auto dot = word.find('.');
          dot != std::string_view::npos && (next == '=' || next == ':' || next == '{'))
        bad.push_back(fmt::format("{} must be written as a group: {} {{ {} ... }}", word,
                                  word.substr(0, dot), word.substr(dot + 1)));
      i += next == '{' ? 1 : 0;
    } else {
      if (c == '{')
        bad.emplace_back("a group is written as: name { ... }");
      ++i;
    }
  }
  return bad;
}

void find_bad_caf_options(const caf::settings& group, const std::string& name,
                          const caf::config_option_set& known, complaints& bad) {
  for (const auto& [key, value] : group) {
    const auto inner = fmt::format("{}.{}", name, std::string_view{key.data(), key.size()});
    if (const auto* option = known.qualified_name_lookup(inner)) {
      auto copy = value;
      if (const auto error = option->sync(copy))
        bad.push_back(fmt::format("{} has a bad value", inner));
    } else if (const auto* nested = caf::get_if<caf::settings>(&value)) {
      find_bad_caf_options(*nested, inner, known, bad);
    } else {
      bad.push_back(fmt::format("{} is unknown", inner));
    }
  }
}

complaints find_unknown_names(const caf::settings& file, const caf::config_option_set& caf_known) {
  const known_names known;
  complaints bad;
  for (const auto& [key, value] : file) {
    const std::string group{key.data(), key.size()};
    const auto* members = caf::get_if<caf::settings>(&value);
    if (members == nullptr || !known.groups.contains(group)) {
      bad.push_back(fmt::format("{} is unknown", group));
    } else if (group == "caf") {
      find_bad_caf_options(*members, group, caf_known, bad);
    } else {
      for (const auto& [inner, ignored] : *members)
        if (const auto name = group + "." + std::string{inner.data(), inner.size()};
            !known.options.contains(name))
          bad.push_back(fmt::format("{} is unknown", name));
    }
  }
  return bad;
}

std::string in_words(std::uint8_t code) {
  auto result = to_string(static_cast<caf::pec>(code));
  result.erase(0, result.rfind(':') + 1); // the name without its scope
  std::ranges::replace(result, '_', ' ');
  return result;
}

/// What is wrong with the text of a file.
complaints check_file(const std::string& content, const caf::config_option_set& caf_known) {
  // Before CAF's own complaints, which these can move to another place.
  if (auto bad = find_bad_shapes(content); !bad.empty())
    return bad;
  // CAF takes whatever stands before an unexpected end, so something must be found behind it. It
  // does not count the first character of a file as a line's end.
  static constexpr const char* behind = "behind-the-file";
  std::istringstream stream{fmt::format("\n{}\n{} {{ }}\n", content, behind)};
  auto parsed = caf::actor_system_config::parse_config(stream);
  if (!parsed) {
    std::string where;
    if (const auto at = caf::make_const_typed_message_view<std::int32_t, std::int32_t>(
            parsed.error().context()))
      where = fmt::format(" in line {}", caf::get<0>(at));
    return {in_words(parsed.error().code()) + where};
  }
  if (parsed->container().erase(behind) == 0)
    return {"it ends too early: a bracket is open"};
  auto bad = find_unknown_names(*parsed, caf_known);
  options any;
  std::ranges::move(read(any, *parsed), std::back_inserter(bad));
  return bad;
}

// --- the command line ------------------------------------------------------------------------

exit_request refuse(const complaints& bad, const std::string& source = "") {
  exit_request result{1, ""};
  for (const auto& complaint : bad)
    result.text += fmt::format("starlingd: {}{}\n", source, complaint);
  return result;
}

/// Takes --config-file out of the arguments.
std::variant<std::optional<std::string>, exit_request>
take_config_file(std::vector<std::string>& arguments) {
  static constexpr std::string_view flag = "--config-file";
  std::optional<std::string> path;
  for (auto i = arguments.begin(); i != arguments.end();) {
    if (!i->starts_with(flag)) {
      ++i;
      continue;
    }
    if (i->size() < flag.size() + 2 || (*i)[flag.size()] != '=')
      return refuse({"--config-file needs a value: --config-file=FILE"});
    if (path)
      return refuse({"--config-file is given twice"});
    path = i->substr(flag.size() + 1);
    i = arguments.erase(i);
  }
  return path;
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

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (file.peek() == std::ifstream::traits_type::eof())
    return file.is_open() && !file.bad() ? std::optional{std::string{}} : std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  return content ? std::optional{content.str()} : std::nullopt;
}

} // namespace

node_config::node_config() {
  options defaults;
  visit_options(defaults,
                [this](std::string_view name, auto& value, const auto&, std::string_view meaning) {
                  const auto dot = name.find('.');
                  const std::string group{name.substr(0, dot)};
                  const std::string option{name.substr(dot + 1)};
                  opt_group{custom_options_, group}.add<caf_type<std::decay_t<decltype(value)>>>(
                      option, caf::string_view{meaning.data(), meaning.size()});
                });
  // A pool in one queue, and actors that give way: with CAF's own defaults one busy actor can
  // starve the rest of a small machine.
  set("caf.scheduler.policy", "sharing");
  set("caf.scheduler.max-threads", std::max<std::size_t>(1, std::thread::hardware_concurrency()));
  set("caf.scheduler.max-throughput", std::size_t{300});
}

std::variant<options, exit_request> parse(int argc, char** argv, node_config& config) {
  std::vector<std::string> arguments{argv + std::min(argc, 1), argv + argc};
  for (const auto& argument : arguments) {
    if (argument == "--help" || argument == "-h")
      return exit_request{0, options_help()};
    if (argument == "--version")
      return exit_request{0, fmt::format("starlingd {}\n", version)};
    // CAF's own, which would print its help or our key.
    if (argument.starts_with("--long-help") || argument.starts_with("--dump-config") ||
        argument == "-?")
      return refuse({fmt::format("{} is unknown; --help lists the options", argument)});
  }

  const auto path = take_config_file(arguments);
  if (const auto* exit = std::get_if<exit_request>(&path))
    return *exit;
  std::string content;
  if (const auto& file = std::get<std::optional<std::string>>(path)) {
    auto found = read_file(*file);
    if (!found)
      return refuse({fmt::format("cannot read {}", *file)});
    content = std::move(*found);
    if (const auto bad = check_file(content, config.custom_options()); !bad.empty())
      return refuse(bad, *file + ": ");
  }

  std::istringstream stream{content};
  if (const auto error = config.parse(std::move(arguments), stream))
    return refuse({describe_flag_error(error)});
  if (!config.remainder.empty())
    return refuse(
        {fmt::format("{} is not an option; --help lists them", config.remainder.front())});
  options result;
  if (const auto bad = read(result, caf::content(config)); !bad.empty())
    return refuse(bad);
  if (const auto bad = complete(result))
    return refuse({*bad});
  return result;
}

std::string options_help() {
  std::string result = "starlingd: a node of a replicated key-value store\n"
                       "\n"
                       "usage: starlingd [--config-file=FILE] [OPTION...]\n"
                       "\n"
                       "  --help, --version\n"
                       "  --config-file=FILE\n"
                       "      Options in groups, as in: gossip { interval = 200ms }. Flags win "
                       "over the file.\n";
  options defaults;
  visit_options(defaults, [&]<class T>(std::string_view name, const T& value, const auto& rule,
                                       std::string_view meaning) {
    // CAF's flags can only be switched on.
    const auto sample = std::is_same_v<T, bool> ? "" : "=" + show(value);
    result += fmt::format("  --{}{}\n      {}\n      {} (default {})\n", name, sample, meaning,
                          describe(rule), show(value));
  });
  return result;
}

std::string options_markdown() {
  std::string result = "| Option | Default | Values | Meaning |\n|---|---|---|---|\n";
  options defaults;
  visit_options(defaults, [&](std::string_view name, const auto& value, const auto& rule,
                              std::string_view meaning) {
    result +=
        fmt::format("| `{}` | `{}` | {} | {} |\n", name, show(value), describe(rule), meaning);
  });
  return result;
}

} // namespace starling::actors
