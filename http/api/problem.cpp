#include "http/api/problem.hpp"

#include "http/api/json_text.hpp"

namespace starling::http {

namespace {

struct description {
  int status;
  std::string_view name;
  std::string_view title;
};

description describe(problem_code code) {
  switch (code) {
  case problem_code::bad_request:
    return {400, "bad-request", "The request is malformed"};
  case problem_code::bad_target:
    return {400, "bad-target", "The path cannot be decoded"};
  case problem_code::bad_key:
    return {400, "bad-key", "The key is empty or too long"};
  case problem_code::bad_query:
    return {400, "bad-query", "The query makes no sense here"};
  case problem_code::empty_body:
    return {400, "empty-body", "The request needs a body"};
  case problem_code::malformed_json:
    return {400, "malformed-json", "The body is not JSON"};
  case problem_code::not_an_object:
    return {400, "not-an-object", "The body is not a JSON object"};
  case problem_code::forbidden_origin:
    return {403, "forbidden-origin", "Web pages may not write"};
  case problem_code::unknown_route:
    return {404, "unknown-route", "There is nothing at this path"};
  case problem_code::unknown_key:
    return {404, "unknown-key", "This node knows no such key"};
  case problem_code::method_not_allowed:
    return {405, "method-not-allowed", "The path does not know this method"};
  case problem_code::unsupported_condition:
    return {412, "unsupported-condition", "Writes take no conditions"};
  case problem_code::unsupported_header:
    return {400, "unsupported-header", "A header asks for what writes cannot do"};
  case problem_code::request_timed_out:
    return {408, "request-timed-out", "The request did not come in time"};
  case problem_code::body_too_large:
    return {413, "body-too-large", "The body is too large"};
  case problem_code::target_too_long:
    return {414, "target-too-long", "The first line is too long"};
  case problem_code::unsupported_media_type:
    return {415, "unsupported-media-type", "The body has to be JSON"};
  case problem_code::unsupported_encoding:
    return {415, "unsupported-encoding", "The body has to be sent as it is"};
  case problem_code::expectation_failed:
    return {417, "expectation-failed", "The expectation cannot be met"};
  case problem_code::missing_member:
    return {422, "missing-member", "A member is missing"};
  case problem_code::unknown_member:
    return {422, "unknown-member", "A member is unknown"};
  case problem_code::duplicate_member:
    return {422, "duplicate-member", "A member is there twice"};
  case problem_code::conflicting_members:
    return {422, "conflicting-members", "Members exclude each other"};
  case problem_code::wrong_type:
    return {422, "wrong-type", "A value has the wrong type"};
  case problem_code::out_of_range:
    return {422, "out-of-range", "A number is out of range"};
  case problem_code::element_too_large:
    return {422, "element-too-large", "An element is too large"};
  case problem_code::added_and_removed:
    return {422, "added-and-removed", "An element is both added and removed"};
  case problem_code::invalid_context:
    return {422, "invalid-context", "A context is not for this key and element"};
  case problem_code::counter_range:
    return {422, "counter-range", "The counter would leave its range"};
  case problem_code::exhausted:
    return {422, "exhausted", "The value has no room for another event"};
  case problem_code::head_too_large:
    return {431, "head-too-large", "The head is too large"};
  case problem_code::value_too_large:
    return {413, "value-too-large", "The value is too large"};
  case problem_code::internal:
    return {500, "internal", "Something is wrong with this node"};
  case problem_code::unknown_method:
    return {501, "unknown-method", "The method is not known here"};
  case problem_code::unknown_version:
    return {505, "unknown-version", "The version of HTTP is not spoken here"};
  case problem_code::too_busy:
    return {503, "too-busy", "This node serves as many clients as it can"};
  case problem_code::write_unknown:
    return {500, "write-unknown", "Nobody knows whether the write happened"};
  case problem_code::disk_full:
    return {507, "disk-full", "This node has no room left, and wrote nothing"};
  case problem_code::disk_failed:
    return {503, "disk-failed", "The disk of this node fails, and nothing was written"};
  case problem_code::newer_format:
    return {503, "newer-format", "This version cannot read the value"};
  case problem_code::being_mended:
    return {503, "being-mended", "This node has lost the value, and waits for it"};
  case problem_code::key_busy:
    return {503, "key-busy", "Too much waits for this key"};
  case problem_code::not_ready:
    return {503, "not-ready", "This node is not ready"};
  case problem_code::timed_out:
    return {504, "timed-out", "There was no answer in time"};
  }
  return {500, "internal", "Something is wrong with this node"};
}

} // namespace

int status_of(problem_code code) {
  return describe(code).status;
}

write_outcome outcome_of(problem_code code) {
  switch (code) {
  case problem_code::internal:
  case problem_code::write_unknown:
  case problem_code::timed_out:
    return write_outcome::nobody_knows;
  default:
    return write_outcome::did_not_happen;
  }
}

std::string_view name_of(problem_code code) {
  return describe(code).name;
}

std::string to_json(const problem& what) {
  const auto [status, name, title] = describe(what.code);
  std::string out = "{\"type\": " + quote("urn:starling:problem:" + std::string{name});
  out += ", \"title\": " + quote(what.title.empty() ? title : what.title);
  out += ", \"status\": " + std::to_string(status);
  out += ", \"code\": " + quote(name);
  out += ", \"detail\": " + quote(what.detail);
  if (what.pointer)
    out += ", \"pointer\": " + quote(*what.pointer);
  return out + "}\n";
}

std::string pointer_to(std::string_view parent, std::string_view name) {
  std::string result{parent};
  result.push_back('/');
  for (const char c : name) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result.push_back(c);
  }
  return result;
}

} // namespace starling::http
