#include "http/api/board_api.hpp"

#include "http/api/json_parts.hpp"

#include <charconv>

namespace starling::http {

namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return result;
}

} // namespace

result<crdt::board_change> board_api::command_of(std::string_view body, const crdt::key&,
                                                 const wire::secret&, style) {
  auto read = read_body(body, {"put", "drop"}, R"({"put": {"ann": 5}})");
  if (!read)
    return std::move(read).error();
  crdt::board_change result;
  if (const auto put = read->find("put"); put != read->end()) {
    const auto names = members_of(put->second);
    if (!names)
      return wrong_type_at("/put", "an object of scores");
    for (const auto& [name, score] : *names) {
      const auto number = number_of(score);
      if (!number)
        return wrong_type_at("/put", "an object of scores");
      result.put[name] = *number;
    }
  }
  if (const auto drop = read->find("drop"); drop != read->end()) {
    const auto names = elements_of(drop->second);
    if (!names)
      return wrong_type_at("/drop", "an array of names");
    for (const auto& one : *names) {
      auto name = string_of(one);
      if (!name || result.put.contains(*name))
        return wrong_type_at("/drop", "an array of names that are not put");
      result.drop.insert(std::move(*name));
    }
  }
  return result;
}

std::vector<std::string> board_api::show(const crdt::board_view& what, const crdt::key&,
                                         const wire::secret&, style) {
  const auto scores = list('{', what.scores, '}', [](const auto& one) {
    return member(one.first, one.second ? std::to_string(*one.second) : "null");
  });
  return {member("cardinality", std::to_string(what.cardinality)), member("scores", scores),
          member("next", what.next ? quote(*what.next) : "null")};
}

} // namespace starling::http
