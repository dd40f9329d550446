#include "http/api/conditions.hpp"

#include <string>

namespace starling::http {

namespace {

using enum problem_code;

/// If-Match and all others of that kind, known or not. If-Range concerns ranges of reads alone.
bool is_condition(std::string_view name) {
  if (name.starts_with("x-"))
    name.remove_prefix(2);
  return name == "if" || (name.starts_with("if-") && name != "if-range");
}

/// Idempotency-Key and its older names: the client counts on a repeated write to happen once.
bool is_idempotency_key(std::string_view name) {
  return name.find("idempotency") != std::string_view::npos || name == "repeatability-request-id";
}

bool names_a_method(std::string_view name) {
  return name == "x-http-method-override" || name == "x-http-method" || name == "x-method-override";
}

} // namespace

wire::possible<problem> refuse_conditions(std::string_view method, const fields& head) {
  for (const auto& [given, value] : head) {
    const auto name = to_lower(given);
    if (is_condition(name))
      return problem{unsupported_condition,
                     "writes take no conditions, since a node does not know what the others have; "
                     "nothing was written, leave " +
                         std::string{given} + " out to write",
                     {}};
    if (is_idempotency_key(name))
      return problem{unsupported_header,
                     "a repeated write is not recognized as such and would count twice; nothing "
                     "was written, leave " +
                         std::string{given} + " out to write",
                     {}};
    if (name == "content-range")
      return problem{unsupported_header, "a body is the whole of what is written, never a range"};
    if (names_a_method(name) && to_lower(trim(value)) != to_lower(method))
      return problem{unsupported_header,
                     "the method is that of the request's first line; leave " + std::string{given} +
                         " out",
                     {}};
  }
  return std::nullopt;
}

} // namespace starling::http
