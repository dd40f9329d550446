#include "http/api/register_api.hpp"

#include "http/api/json_parts.hpp"
#include "http/api/type_api.hpp"

namespace starling::http {

static_assert(type_api<register_api>);

result<crdt::register_assign> register_api::command_of(std::string_view body, const crdt::key&,
                                                       const wire::secret&, style) {
  auto read = read_body(body, {"value"}, R"({"value": "dark-mode"})");
  if (!read)
    return std::move(read).error();
  const auto& given = *read;
  if (given.empty())
    return problem{problem_code::missing_member, "give value"};
  return crdt::register_assign{{crdt::payload_kind::json, compact(given.begin()->second)}};
}

std::vector<std::string> register_api::show(const crdt::register_view& what, const crdt::key&,
                                            const wire::secret&, style) {
  const auto& [kind, data] = what.what;
  return {member("value", kind == crdt::payload_kind::json ? data : quote(data))};
}

} // namespace starling::http
