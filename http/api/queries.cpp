#include "http/api/queries.hpp"

#include "http/api/target.hpp"
#include "http/api/types.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

namespace starling::http {

namespace {

using parameters = std::map<std::string, std::string, std::less<>>;

problem refusal(std::string detail) {
  return {problem_code::bad_query, std::move(detail), {}};
}

std::string list_of(const std::vector<std::string_view>& names) {
  std::string result;
  for (const auto name : names)
    result.append(result.empty() ? "" : ", ").append(name);
  return result;
}

/// The parameters of a target by name, all of them among `known`.
result<parameters> read(std::string_view target, const std::vector<std::string_view>& known) {
  const auto given = parameters_of(target);
  if (!given)
    return refusal("a query is NAME=VALUE, joined by '&', in percent-encoded UTF-8");
  parameters result;
  for (const auto& [name, value] : *given) {
    if (std::ranges::find(known, name) == known.end())
      return refusal("there is no parameter '" + name + "' here, " +
                     (known.empty() ? "nor any other" : "only " + list_of(known)));
    if (!result.emplace(name, value).second)
      return refusal("'" + name + "' may be given once");
  }
  return result;
}

std::optional<std::string> find(const parameters& given, std::string_view name) {
  const auto found = given.find(name);
  return found == given.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::size_t> limit_of(const parameters& given) {
  const auto text = find(given, "limit");
  if (!text)
    return page_limit_default;
  std::size_t limit = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc{} || stop != end || limit < 1 || limit > page_limit_max)
    return std::nullopt;
  return limit;
}

problem bad_limit() {
  return refusal("'limit' is a number from 1 to " + std::to_string(page_limit_max));
}

std::vector<std::string_view> style_parameters(crdt::type type) {
  return apis::visit(type, [](auto which) {
    const auto& all = decltype(which)::type::parameters;
    return std::vector<std::string_view>{all.begin(), all.end()};
  });
}

result<style> read_style(const parameters& given) {
  style result;
  if (const auto contexts = find(given, "contexts")) {
    if (contexts != "true" && contexts != "false")
      return refusal("'contexts' is true or false");
    result.contexts = contexts == "true";
  }
  if (const auto number = find(given, "number")) {
    if (number != "string" && number != "number")
      return refusal("'number' is string or number");
    result.numbers_as_text = number == "string";
  }
  return result;
}

/// The names of all types: "counter, register or set".
std::string all_types() {
  std::string result;
  for (std::size_t i = 0; i < crdt::types::size; ++i)
    result.append(i == 0                      ? ""
                  : i + 1 < crdt::types::size ? ", "
                                              : " or ")
        .append(to_string(crdt::types::ids[i]));
  return result;
}

std::optional<crdt::key> key_of(std::string_view cursor) {
  const auto type = crdt::type_named(cursor.substr(0, cursor.find('/')));
  if (!type || cursor.find('/') == std::string_view::npos)
    return std::nullopt;
  return crdt::key{*type, std::string{cursor.substr(cursor.find('/') + 1)}};
}

} // namespace

result<value_query> query_of(crdt::type type, std::string_view target) {
  auto known = style_parameters(type);
  if (crdt::has_rows(type))
    known.insert(known.begin(), {"limit", "after"});
  const auto outcome = read(target, known);
  if (!outcome)
    return outcome.error();
  const auto& given = *outcome;
  const auto how = read_style(given);
  if (!how)
    return how.error();
  value_query result{crdt::whole_value{}, *how};
  if (given.contains("limit") || given.contains("after")) {
    const auto limit = limit_of(given);
    if (!limit)
      return bad_limit();
    result.what = crdt::member_page{find(given, "after"), *limit};
  }
  return result;
}

result<style> style_of(crdt::type type, std::string_view target) {
  const auto outcome = read(target, style_parameters(type));
  if (!outcome)
    return outcome.error();
  return read_style(*outcome);
}

result<crdt::key_query> key_query_of(std::string_view target) {
  const auto outcome = read(target, {"type", "prefix", "limit", "after"});
  if (!outcome)
    return outcome.error();
  const auto& given = *outcome;
  const auto limit = limit_of(given);
  if (!limit)
    return bad_limit();
  crdt::key_query result{.prefix = find(given, "prefix").value_or(""), .limit = *limit};
  if (const auto type = find(given, "type"); type && !(result.type = crdt::type_named(*type)))
    return refusal("'type' is " + all_types());
  if (const auto after = find(given, "after"); after && !(result.after = key_of(*after)))
    return refusal("'after' is TYPE/KEY, as 'next' of the page before");
  return result;
}

wire::possible<problem> refuse_parameters(std::string_view target) {
  const auto outcome = read(target, {});
  if (!outcome)
    return outcome.error();
  return std::nullopt;
}

std::string cursor_of(const crdt::key& key) {
  return std::string{to_string(key.type)} + '/' + key.name;
}

} // namespace starling::http
