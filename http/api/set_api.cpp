#include "http/api/set_api.hpp"

#include "http/api/context_token.hpp"
#include "http/api/json_parts.hpp"
#include "http/api/type_api.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace starling::http {

static_assert(type_api<set_api>);

namespace {

using enum problem_code;

/// The elements of an array, in ascending order and each once.
result<std::vector<std::string>> read_elements(std::string_view text, const std::string& pointer) {
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

result<context_texts> read_contexts(std::string_view text) {
  const auto object = members_of(text);
  if (!object)
    return wrong_type_at(std::string{contexts_pointer}, "an object from elements to contexts");
  context_texts result;
  for (const auto& [element, value] : *object)
    result.emplace(element, value);
  return result;
}

/// What the context of an element says was observed of it; nothing if it has none.
result<std::optional<crdt::version_vector>> observed_of(const crdt::payload& element,
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

using observed_members = std::vector<std::pair<crdt::payload, crdt::version_vector>>;

/// Joins what `write` appends for each member that is a text.
template <class Write>
std::string texts(std::string_view name, char open, const observed_members& members, char close,
                  Write write) {
  auto out = quote(name).append(": ") + open;
  const auto begin = out.size();
  for (const auto& one : members) {
    if (one.first.kind != crdt::payload_kind::text)
      continue;
    if (out.size() > begin)
      out += ", ";
    write(out, one);
  }
  return out += close;
}

std::string contexts_of(const observed_members& members, const crdt::key& key,
                        const wire::secret& secret) {
  context_writer context{secret, key};
  return texts("contexts", '{', members, '}', [&](std::string& out, const auto& x) {
    const auto& [element, observed] = x;
    append_quoted(out, element.data);
    out += ": ";
    append_quoted(out, context.token(element, observed));
  });
}

std::string values_of(const observed_members& members) {
  return texts("values", '[', members, ']',
               [](std::string& out, const auto& x) { append_quoted(out, x.first.data); });
}

std::string cardinality_of(std::uint64_t members) {
  return member("cardinality", std::to_string(members));
}

} // namespace

result<crdt::set_change> set_api::command_of(std::string_view body, const crdt::key& key,
                                             const wire::secret& secret, style how) {
  auto read = read_body(body, {"add", "remove", "contexts"}, R"({"add": ["apple"]})");
  if (!read)
    return std::move(read).error();
  const auto& given = *read;
  if (!given.contains("add") && !given.contains("remove"))
    return problem{missing_member, "give add or remove"};

  context_texts contexts; // those of elements that are not named are not used
  if (const auto found = given.find("contexts"); found != given.end()) {
    auto all = read_contexts(found->second);
    if (!all)
      return std::move(all).error();
    contexts = *std::move(all);
  }

  crdt::set_change change;
  change.shows_members = how.contexts;
  for (const auto& [name, list] : {std::pair{"add", &change.add}, {"remove", &change.remove}}) {
    const auto found = given.find(name);
    if (found == given.end())
      continue;
    auto elements = read_elements(found->second, pointer_to("", name));
    if (!elements)
      return std::move(elements).error();
    auto& names = *elements;
    list->reserve(names.size());
    for (auto& element : names) {
      crdt::member_change one{{crdt::payload_kind::text, std::move(element)}, std::nullopt};
      if (!contexts.empty()) {
        auto observed = observed_of(one.member, contexts, key, secret);
        if (!observed)
          return std::move(observed).error();
        one.observed = *std::move(observed);
      }
      list->push_back(std::move(one));
    }
  }
  if (have_common(change.add, change.remove))
    return problem{added_and_removed, "an element is either added or removed",
                   pointer_to("", "remove")};
  return change;
}

std::vector<std::string> set_api::show(const crdt::set_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how) {
  std::vector shown{cardinality_of(what.cardinality), values_of(what.members)};
  if (how.contexts)
    shown.push_back(contexts_of(what.members, key, secret));
  return shown;
}

std::vector<std::string> set_api::show(const crdt::page_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how) {
  const auto& members = what.shown.members;
  const auto next = what.next ? quote(*what.next) : "null";
  std::vector shown{cardinality_of(what.shown.cardinality), values_of(members),
                    member("next", next)};
  if (how.contexts)
    shown.push_back(contexts_of(members, key, secret));
  return shown;
}

std::vector<std::string> set_api::show(const crdt::member_view& what, const crdt::key& key,
                                       const wire::secret& secret, style how) {
  std::vector shown{cardinality_of(what.cardinality), member("member", quote(what.member.data)),
                    member("present", to_text(what.present))};
  if (how.contexts)
    shown.push_back(
        member("context", quote(encode_context(secret, key, what.member, what.observed))));
  return shown;
}

std::vector<std::string> set_api::show_written(const crdt::set_view& what, const crdt::key& key,
                                               const wire::secret& secret, style how) {
  std::vector shown{cardinality_of(what.cardinality)};
  if (how.contexts)
    shown.push_back(contexts_of(what.members, key, secret));
  return shown;
}

} // namespace starling::http
