#include "http/api/commands.hpp"

#include "http/api/context_token.hpp"
#include "http/api/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>

namespace starling::http {

namespace {

using enum problem_code;

template <class T>
using either = std::variant<problem, T>;

/// The values of an object's members by name.
using members = std::map<std::string, std::string_view, std::less<>>;

problem wrong_type_at(std::string pointer, std::string_view wanted) {
  return {wrong_type, "wanted is " + std::string{wanted}, std::move(pointer)};
}

/// The members of the object at `pointer`, none of them twice.
either<members> unique_members(const std::vector<json_member>& object, std::string_view pointer) {
  members result;
  for (const auto& [name, value] : object)
    if (!result.emplace(name, value).second)
      return problem{duplicate_member, "each member may be given once", pointer_to(pointer, name)};
  return result;
}

/// The members of the body, if it is an object with no others than `known`. `wanted` shows what one
/// looks like to whoever sent something else, such as the fields of a form.
either<members> read_body(std::string_view body, const std::set<std::string_view>& known,
                          std::string_view wanted) {
  const auto advice = "send a JSON object, such as " + std::string{wanted};
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return problem{empty_body, advice, {}};
  if (const auto error = check_json(body))
    return problem{malformed_json,
                   error->what + " at byte " + std::to_string(error->position) + "; " + advice,
                   {}};
  const auto object = members_of(body);
  if (!object)
    return problem{not_an_object, advice, {}};
  for (const auto& [name, value] : *object)
    if (!known.contains(name))
      return problem{unknown_member, "this request has no such member", pointer_to("", name)};
  return unique_members(*object, "");
}

/// An integer, or a string with its digits: many clients lose the last digits of JSON numbers
/// beyond 2^53.
either<std::int64_t> read_amount(std::string_view text, const std::string& pointer) {
  const auto content = string_of(text);
  const auto digits = content ? std::string_view{*content} : text;
  if (!is_integer(digits))
    return wrong_type_at(pointer, "an integer without fraction and exponent, or such an integer "
                                  "as a string");
  std::int64_t amount = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), amount); // leaves 0 beyond 64 bits
  if (amount <= 0)
    return problem{out_of_range, "wanted is a number from 1 to 9223372036854775807", pointer};
  return amount;
}

either<crdt::command> read_counter(std::string_view body) {
  auto read = read_body(body, {"increment", "decrement"}, R"({"increment": 5})");
  if (auto* error = std::get_if<problem>(&read))
    return std::move(*error);
  const auto& given = std::get<members>(read);
  if (given.empty())
    return problem{missing_member, "give increment or decrement", {}};
  if (given.size() > 1)
    return problem{conflicting_members, "give either increment or decrement", {}};
  const auto& [name, text] = *given.begin();
  const auto amount = read_amount(text, pointer_to("", name));
  if (const auto* error = std::get_if<problem>(&amount))
    return *error;
  const auto n = std::get<std::int64_t>(amount);
  return crdt::counter_add{name == "increment" ? n : -n};
}

either<crdt::command> read_register(std::string_view body) {
  auto read = read_body(body, {"value"}, R"({"value": "dark-mode"})");
  if (auto* error = std::get_if<problem>(&read))
    return std::move(*error);
  const auto& given = std::get<members>(read);
  if (given.empty())
    return problem{missing_member, "give value", {}};
  return crdt::register_assign{{crdt::payload_kind::json, compact(given.begin()->second)}};
}

/// The elements of an array, in ascending order and each once.
either<std::vector<std::string>> read_elements(std::string_view text, const std::string& pointer) {
  const auto array = elements_of(text);
  if (!array)
    return wrong_type_at(pointer, "an array of strings");
  std::vector<std::string> result;
  result.reserve(array->size());
  const auto place = [&] { return pointer_to(pointer, std::to_string(result.size())); };
  for (const auto& one : *array) {
    auto element = string_of(one);
    if (!element)
      return wrong_type_at(place(), "a string");
    if (element->size() > element_bytes_max)
      return problem{element_too_large,
                     "the limit is " + std::to_string(element_bytes_max) + " bytes", place()};
    result.push_back(*std::move(element));
  }
  if (!std::ranges::is_sorted(result))
    std::ranges::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

constexpr std::string_view contexts_pointer = "/contexts";

/// Contexts by element, unopened: whoever hands back all that a read showed may have read much more
/// than is changed.
using context_texts = std::multimap<std::string, std::string_view, std::less<>>;

either<context_texts> read_contexts(std::string_view text) {
  const auto object = members_of(text);
  if (!object)
    return wrong_type_at(std::string{contexts_pointer}, "an object from elements to contexts");
  context_texts result;
  for (const auto& [element, value] : *object)
    result.emplace(element, value);
  return result;
}

/// What the context of an element says was observed of it; nothing if it has none.
either<std::optional<crdt::version_vector>> observed_of(const crdt::payload& element,
                                                        const context_texts& contexts,
                                                        const crdt::key& key,
                                                        const wire::secret& secret) {
  const auto [first, last] = contexts.equal_range(element.data);
  if (first == last)
    return std::nullopt;
  const auto place = [&] { return pointer_to(contexts_pointer, element.data); };
  if (std::next(first) != last)
    return problem{duplicate_member, "each member may be given once", place()};
  const auto text = string_of(first->second);
  if (!text)
    return wrong_type_at(place(), "a string");
  auto observed = decode_context(secret, key, element, *text);
  if (!observed)
    return problem{invalid_context, "the context was not given out for this key and element",
                   place()};
  return observed;
}

/// Whether a member is in both lists, which are in ascending order.
bool have_common(const std::vector<crdt::member_change>& some,
                 const std::vector<crdt::member_change>& others) {
  auto other = others.begin();
  return std::ranges::any_of(some, [&](const auto& one) {
    while (other != others.end() && other->member < one.member)
      ++other;
    return other != others.end() && other->member == one.member;
  });
}

either<crdt::command> read_set(std::string_view body, const crdt::key& key,
                               const wire::secret& secret) {
  auto read = read_body(body, {"add", "remove", "contexts"}, R"({"add": ["apple"]})");
  if (auto* error = std::get_if<problem>(&read))
    return std::move(*error);
  const auto& given = std::get<members>(read);
  if (!given.contains("add") && !given.contains("remove"))
    return problem{missing_member, "give add or remove", {}};

  context_texts contexts; // those of elements that are not named are not used
  if (const auto found = given.find("contexts"); found != given.end()) {
    auto all = read_contexts(found->second);
    if (auto* error = std::get_if<problem>(&all))
      return std::move(*error);
    contexts = std::get<context_texts>(std::move(all));
  }

  crdt::set_change change;
  for (const auto& [name, list] : {std::pair{"add", &change.add}, {"remove", &change.remove}}) {
    const auto found = given.find(name);
    if (found == given.end())
      continue;
    auto elements = read_elements(found->second, pointer_to("", name));
    if (auto* error = std::get_if<problem>(&elements))
      return std::move(*error);
    auto& names = std::get<1>(elements);
    list->reserve(names.size());
    for (auto& element : names) {
      crdt::member_change one{{crdt::payload_kind::text, std::move(element)}, std::nullopt};
      if (!contexts.empty()) {
        auto observed = observed_of(one.member, contexts, key, secret);
        if (auto* error = std::get_if<problem>(&observed))
          return std::move(*error);
        one.observed = std::get<1>(std::move(observed));
      }
      list->push_back(std::move(one));
    }
  }
  if (have_common(change.add, change.remove))
    return problem{added_and_removed, "an element is either added or removed",
                   pointer_to("", "remove")};
  return change;
}

} // namespace

either<crdt::command> command_of(const crdt::key& key, std::string_view body,
                                 const wire::secret& secret) {
  switch (key.type) {
  case crdt::type::counter:
    return read_counter(body);
  case crdt::type::register_:
    return read_register(body);
  case crdt::type::set:
    return read_set(body, key, secret);
  }
  return problem{};
}

} // namespace starling::http
