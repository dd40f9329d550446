#include "http/api/body_members.hpp"

#include "http/api/json_text.hpp"

namespace starling::http {

namespace {

/// The members of the object at `pointer`, none of them twice.
result<body_members> unique_members(const std::vector<json_member>& object,
                                    std::string_view pointer) {
  body_members result;
  for (const auto& [name, value] : object)
    if (!result.emplace(name, value).second)
      return problem{problem_code::duplicate_member, "each member may be given once",
                     pointer_to(pointer, name)};
  return result;
}

} // namespace

result<body_members> read_body(std::string_view body, const std::set<std::string_view>& known,
                               std::string_view wanted) {
  using enum problem_code;
  const auto advice = "send a JSON object, such as " + std::string{wanted};
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return problem{empty_body, advice};
  if (const auto error = check_json(body))
    return problem{malformed_json,
                   error->what + " at byte " + std::to_string(error->position) + "; " + advice,
                   {}};
  const auto object = members_of(body);
  if (!object)
    return problem{not_an_object, advice};
  for (const auto& [name, value] : *object)
    if (!known.contains(name))
      return problem{unknown_member, "this request has no such member", pointer_to("", name)};
  return unique_members(*object, "");
}

problem wrong_type_at(std::string pointer, std::string_view wanted) {
  return {problem_code::wrong_type, "wanted is " + std::string{wanted}, std::move(pointer)};
}

} // namespace starling::http
