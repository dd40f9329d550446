#include "http/api/high_api.hpp"

#include "http/api/json_parts.hpp"

#include <charconv>

namespace starling::http {

result<crdt::high_raise> high_api::command_of(std::string_view body, const crdt::key&,
                                              const wire::secret&, style) {
  auto read = read_body(body, {"value"}, R"({"value": 5})");
  if (!read)
    return std::move(read).error();
  const auto& given = *read;
  if (given.empty())
    return problem{problem_code::missing_member, "give value"};
  const auto text = given.begin()->second;
  crdt::high_raise result;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result.to);
  if (error != std::errc{} || end != text.data() + text.size() || result.to == 0)
    return wrong_type_at("/value", "a number from 1 on");
  return result;
}

std::vector<std::string> high_api::show(const crdt::high_view& what, const crdt::key&,
                                        const wire::secret&, style) {
  return {member("value", std::to_string(what.number))};
}

} // namespace starling::http
