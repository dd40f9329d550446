#include "config/config_file.hpp"

#include "config/option_text.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/config_value.hpp>
#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/pec.hpp>
#include <caf/typed_message_view.hpp>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace starling::config {

namespace {

/// The names of our options and of the groups that hold them.
struct known_names {
  std::set<std::string, std::less<>> options;
  std::set<std::string, std::less<>> groups{"caf"};

  known_names() {
    config::options any;
    visit_options(any, [this](std::string_view name, auto&, const auto&, std::string_view) {
      options.emplace(name);
      groups.emplace(name.substr(0, name.find('.')));
    });
  }
};

/// Whether CAF cannot hold that value: of a duration it keeps no text, of an integer no name.
bool is_beyond_caf(std::string_view value) {
  std::int64_t number = 0;
  const auto* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  return is_too_long(value) || (error == std::errc::result_out_of_range && stop == end);
}

/// What is wrong with it as the value of an option of that group.
std::string complain_of_size(std::string_view group, std::string_view name,
                             const std::string& value) {
  options any;
  const auto complaint = assign(any, fmt::format("{}.{}", group, name), value);
  return complaint.value_or(fmt::format("{}.{} is too large: {}", group, name, value));
}

/// CAF accepts `http.listen = ...` and `caf.scheduler { ... }` in a file, without any effect: they
/// do not even appear in what it returns. Brackets without a name confuse it. So both are found in
/// the text.
complaints find_bad_shapes(std::string_view content) {
  complaints bad;
  const auto is_name_character = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  std::string_view group;
  std::string_view name;
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
      if (is_beyond_caf(word))
        bad.push_back(complain_of_size(group, name, std::string{word}));
      (next == '{' ? group : name) = word;
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

} // namespace

std::string in_words(std::uint8_t code) {
  auto result = to_string(static_cast<caf::pec>(code));
  result.erase(0, result.rfind(':') + 1); // the name without its scope
  std::ranges::replace(result, '_', ' ');
  return result;
}

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

} // namespace starling::config
