#include "http/commands.hpp"

#include "http/context_token.hpp"
#include "http/json_text.hpp"

#include <charconv>
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

/// The members of the body, if it is an object with no others than `known`.
either<members> read_body(std::string_view body, const std::set<std::string_view>& known) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return problem{empty_body, "send a JSON object", {}};
  if (const auto error = check_json(body))
    return problem{malformed_json, error->what + " at byte " + std::to_string(error->position), {}};
  const auto object = members_of(body);
  if (!object)
    return problem{not_an_object, "send a JSON object", {}};
  for (const auto& [name, value] : *object)
    if (!known.contains(name))
      return problem{unknown_member, "this request has no such member", pointer_to("", name)};
  return unique_members(*object, "");
}

either<std::int64_t> read_amount(std::string_view text, const std::string& pointer) {
  if (!is_integer(text))
    return wrong_type_at(pointer, "an integer without fraction and exponent");
  std::int64_t amount = 0;
  std::from_chars(text.data(), text.data() + text.size(), amount); // leaves 0 beyond 64 bits
  if (amount <= 0)
    return problem{out_of_range, "wanted is a number from 1 to 9223372036854775807", pointer};
  return amount;
}

either<crdt::command> read_counter(std::string_view body) {
  auto read = read_body(body, {"increment", "decrement"});
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
  auto read = read_body(body, {"value"});
  if (auto* error = std::get_if<problem>(&read))
    return std::move(*error);
  const auto& given = std::get<members>(read);
  if (given.empty())
    return problem{missing_member, "give value", {}};
  return crdt::register_assign{{crdt::payload_kind::json, compact(given.begin()->second)}};
}

/// The elements of an array, in order and each once.
either<std::vector<std::string>> read_elements(std::string_view text, const std::string& pointer) {
  const auto array = elements_of(text);
  if (!array)
    return wrong_type_at(pointer, "an array of strings");
  std::vector<std::string> result;
  std::set<std::string> known;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto element = string_of((*array)[i]);
    const auto place = pointer_to(pointer, std::to_string(i));
    if (!element)
      return wrong_type_at(place, "a string");
    if (element->size() > element_bytes_max)
      return problem{element_too_large,
                     "the limit is " + std::to_string(element_bytes_max) + " bytes", place};
    if (known.insert(*element).second)
      result.push_back(*element);
  }
  return result;
}

/// What each element's context says was observed of it.
either<std::map<std::string, crdt::version_vector>>
read_contexts(std::string_view text, const crdt::key& key, const wire::secret& secret) {
  const std::string pointer = "/contexts";
  const auto object = members_of(text);
  if (!object)
    return wrong_type_at(pointer, "an object from elements to contexts");
  auto unique = unique_members(*object, pointer);
  if (auto* error = std::get_if<problem>(&unique))
    return std::move(*error);
  std::map<std::string, crdt::version_vector> result;
  for (const auto& [element, value] : std::get<members>(unique)) {
    const auto token = string_of(value);
    if (!token)
      return wrong_type_at(pointer_to(pointer, element), "a string");
    auto observed = decode_context(secret, key, {crdt::payload_kind::text, element}, *token);
    if (!observed)
      return problem{invalid_context, "the context was not given out for this key and element",
                     pointer_to(pointer, element)};
    result.emplace(element, std::move(*observed));
  }
  return result;
}

either<crdt::command> read_set(std::string_view body, const crdt::key& key,
                               const wire::secret& secret) {
  auto read = read_body(body, {"add", "remove", "contexts"});
  if (auto* error = std::get_if<problem>(&read))
    return std::move(*error);
  const auto& given = std::get<members>(read);
  if (!given.contains("add") && !given.contains("remove"))
    return problem{missing_member, "give add or remove", {}};

  std::map<std::string, crdt::version_vector> contexts;
  if (const auto found = given.find("contexts"); found != given.end()) {
    auto decoded = read_contexts(found->second, key, secret);
    if (auto* error = std::get_if<problem>(&decoded))
      return std::move(*error);
    contexts = std::get<1>(std::move(decoded));
  }

  crdt::set_change change;
  std::set<std::string> touched;
  for (const auto& [name, list] : {std::pair{"add", &change.add}, {"remove", &change.remove}}) {
    const auto found = given.find(name);
    if (found == given.end())
      continue;
    auto elements = read_elements(found->second, pointer_to("", name));
    if (auto* error = std::get_if<problem>(&elements))
      return std::move(*error);
    for (auto& element : std::get<1>(elements)) {
      if (!touched.insert(element).second)
        return problem{added_and_removed, "an element is either added or removed",
                       pointer_to("", name)};
      crdt::member_change one{{crdt::payload_kind::text, std::move(element)}, std::nullopt};
      if (auto observed = contexts.extract(one.member.data))
        one.observed = std::move(observed.mapped());
      list->push_back(std::move(one));
    }
  }
  if (!contexts.empty())
    return problem{unused_context, "the element is neither added nor removed",
                   pointer_to("/contexts", contexts.begin()->first)};
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
