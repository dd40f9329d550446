#include "http/api/request.hpp"

#include "http/api/commands.hpp"
#include "http/api/conditions.hpp"
#include "http/api/queries.hpp"
#include "http/api/target.hpp"
#include "http/api/types.hpp"

#include <algorithm>

namespace starling::http {

namespace {

using segments = std::vector<std::string>;

/// What is at a path, and how GET asks for it. Another method is a write: its body is a command for
/// a value of the type.
struct resource {
  std::string_view route; // {key} and {member} stand for any segment; {key} is the second one
  std::string_view allow;
  std::optional<crdt::type> type; // of the value, if the route has a {key}
  parsed (*read)(crdt::key&& key, segments& path, std::string_view target);
};

parsed read_value(crdt::key&& key, segments&, std::string_view target) {
  auto query = query_of(key.type, target);
  if (!query)
    return std::move(query).error();
  auto& [what, how] = *query;
  return read_request{std::move(key), std::move(what), how};
}

parsed read_member(crdt::key&& key, segments& path, std::string_view target) {
  auto how = style_of(key.type, target);
  if (!how)
    return std::move(how).error();
  return read_request{std::move(key),
                      crdt::one_member{{crdt::payload_kind::text, std::move(path[3])}}, *how};
}

parsed read_keys(crdt::key&&, segments&, std::string_view target) {
  auto query = key_query_of(target);
  if (!query)
    return std::move(query).error();
  return keys_request{*std::move(query)};
}

constexpr std::string_view only_read = "GET, HEAD, OPTIONS";

/// A path without key and parameters.
template <class Asked>
resource page_of() {
  const auto read = [](crdt::key&&, segments&, std::string_view target) -> parsed {
    if (auto refused = refuse_parameters(target))
      return std::move(*refused);
    return Asked{};
  };
  return {Asked::path, only_read, {}, read};
}

std::vector<resource> make_resources() {
  std::vector<resource> result;
  for (std::size_t i = 0; i < crdt::types::size; ++i)
    apis::visit_at(i, [&](auto which) {
      using api = typename decltype(which)::type;
      result.push_back({api::route, api::allow, api::type::id, read_value});
      if constexpr (api::type::has_rows)
        result.push_back({api::member_route, api::member_allow, api::type::id, read_member});
      return true;
    });
  for (const resource& page : {
           resource{keys_request::path, only_read, {}, read_keys},
           page_of<index_request>(),
           page_of<cluster_request>(),
           page_of<health_request>(),
           page_of<ready_request>(),
           page_of<metrics_request>(),
       })
    result.push_back(page);
  return result;
}

/// All that there is, in the order in which it is shown.
const std::vector<resource>& resources() {
  static const auto all = make_resources();
  return all;
}

bool matches(std::string_view route, const segments& path) {
  std::size_t i = 0;
  for (; !route.empty(); ++i) {
    route.remove_prefix(1); // the '/'
    const auto wanted = route.substr(0, route.find('/'));
    if (i == path.size() || (!wanted.starts_with('{') && wanted != path[i]))
      return false;
    route.remove_prefix(wanted.size());
  }
  return i == path.size();
}

const resource* find_resource(const segments& path) {
  const auto found = std::ranges::find_if(
      resources(), [&](std::string_view route) { return matches(route, path); }, &resource::route);
  return found == resources().end() ? nullptr : &*found;
}

/// The routes below the first segment of a path, in words.
std::string routes_below(std::string_view first) {
  std::string result;
  for (const auto& one : resources())
    if (const auto route = one.route.substr(1); route.substr(0, route.find('/')) == first)
      result.append(result.empty() ? "" : ", ").append(one.route);
  return result;
}

/// What helps whoever asked for a path that is not there.
std::string advice_about(const segments& path) {
  const auto& first = path.front();
  const auto below = routes_below(first);
  if (first.empty() || below.empty()) {
    std::string all;
    for (const auto& one : resources())
      all.append(all.empty() ? "" : ", ").append(one.route);
    return "there are " + all;
  }
  if (below.find('{') == std::string::npos)
    return "nothing is below " + below;
  if (path.size() == 1)
    return "give the key, as in " + below + "; GET /keys lists those that this node knows";
  return "there are " + below + "; a '/' within a segment is written as %2F";
}

bool allows(std::string_view allow, std::string_view method) {
  while (!allow.empty()) {
    const auto one = allow.substr(0, allow.find(", "));
    if (one == method)
      return true;
    allow.remove_prefix(std::min(allow.size(), one.size() + 2));
  }
  return false;
}

/// Whether a content type admits JSON. `curl -d` claims that everything is a form, and fetch() of a
/// browser or of Node that it is plain text. No web page gains from that: what has an Origin does
/// not write.
bool admits_json(std::string_view content_type) {
  const auto type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type.empty() || type == "application/json" || type == "text/json" ||
         type == "text/plain" || type == "application/x-www-form-urlencoded" ||
         (type.find('/') != std::string::npos && type.ends_with("+json"));
}

/// Whether these content codings leave a body as it is.
bool is_identity(std::string_view codings) {
  while (true) {
    const auto one = codings.substr(0, codings.find(','));
    if (const auto name = to_lower(trim(one)); !name.empty() && name != "identity")
      return false;
    if (one.size() == codings.size())
      return true;
    codings.remove_prefix(one.size() + 1);
  }
}

/// Why a write is refused before anyone looks at its body.
wire::possible<problem> refuse_write(const request& r, const limits& bounds) {
  using enum problem_code;
  if (!values_of(r.head, "origin").empty())
    return problem{forbidden_origin, "requests that carry an Origin may only read"};
  if (!std::ranges::all_of(values_of(r.head, "content-encoding"), is_identity))
    return problem{unsupported_encoding, "no content encoding is supported"};
  if (!std::ranges::all_of(values_of(r.head, "content-type"), admits_json))
    return problem{unsupported_media_type, "send the body as application/json"};
  if (r.body.size() > bounds.body_bytes_max)
    return problem{body_too_large,
                   "the limit is " + std::to_string(bounds.body_bytes_max) + " bytes"};
  return refuse_conditions(r.method, r.head); // last: RFC 9110, 13.2.1
}

parsed parse_write(const request& r, crdt::key key, const wire::secret& secret,
                   const limits& bounds) {
  auto how = style_of(key.type, r.target);
  if (!how)
    return std::move(how).error();
  if (auto refused = refuse_write(r, bounds))
    return std::move(*refused);
  auto command = command_of(key, r.body, secret, *how);
  if (!command)
    return std::move(command).error();
  return write_request{std::move(key), *std::move(command), *how};
}

} // namespace

std::vector<route> routes() {
  std::vector<route> result;
  for (const auto& one : resources())
    result.push_back({one.route, one.allow});
  return result;
}

parsed parse(const request& r, const wire::secret& secret, const limits& bounds) {
  using enum problem_code;
  if (r.method == "OPTIONS" && r.target == "*")
    return options_request{"GET, HEAD, POST, PUT, OPTIONS"};
  auto path = path_of(r.target);
  if (!path)
    return problem{bad_target, "a path begins with '/' and is percent-encoded UTF-8"};
  const auto* found = find_resource(*path);
  if (!found)
    return problem{unknown_route, advice_about(*path)};
  if (r.method == "OPTIONS")
    return options_request{found->allow};
  if (!allows(found->allow, r.method))
    return problem{method_not_allowed,
                   "allowed are " + std::string{found->allow},
                   {},
                   std::string{found->allow}};

  crdt::key key;
  if (found->type)
    key = {*found->type, std::move((*path)[1])};
  if (found->type && (key.name.empty() || key.name.size() > crdt::key_name_max))
    return problem{bad_key,
                   "a key has 1 to " + std::to_string(crdt::key_name_max) + " bytes once decoded",
                   {}};
  if (r.method == "GET" || r.method == "HEAD")
    return found->read(std::move(key), *path, r.target);
  return parse_write(r, std::move(key), secret, bounds);
}

} // namespace starling::http
