#include "http/request.hpp"

#include "http/commands.hpp"
#include "http/target.hpp"

#include <algorithm>
#include <cctype>

namespace starling::http {

namespace {

/// What is at a path: values of one type, or a page of the node.
struct resource {
  std::string_view name;
  std::string_view allow;
  std::variant<crdt::type, parsed> what;
};

const resource resources[] = {
    {"counters", "GET, HEAD, POST, OPTIONS", crdt::type::counter},
    {"registers", "GET, HEAD, PUT, OPTIONS", crdt::type::register_},
    {"sets", "GET, HEAD, POST, OPTIONS", crdt::type::set},
    {"cluster", "GET, HEAD, OPTIONS", cluster_request{}},
    {"healthz", "GET, HEAD, OPTIONS", health_request{}},
    {"readyz", "GET, HEAD, OPTIONS", ready_request{}},
    {"metrics", "GET, HEAD, OPTIONS", metrics_request{}},
};

const resource* find_resource(const std::vector<std::string>& path) {
  const auto* found = std::ranges::find(resources, path.empty() ? "" : path[0], &resource::name);
  if (found == std::end(resources))
    return nullptr;
  const bool has_key = std::holds_alternative<crdt::type>(found->what);
  return path.size() == (has_key ? 2U : 1U) ? found : nullptr;
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

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Whether a content type admits JSON. `curl -d` claims that everything is a form.
bool is_json(std::string_view content_type) {
  std::string type{trim(content_type.substr(0, content_type.find(';')))};
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  return type.empty() || type == "application/json" ||
         type == "application/x-www-form-urlencoded" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

/// Why a write is refused before anyone looks at its body.
std::optional<problem> refuse_write(const request& r, const limits& bounds) {
  using enum problem_code;
  if (r.origin)
    return problem{forbidden_origin, "requests that carry an Origin may only read", {}};
  if (r.content_encoding)
    return problem{unsupported_encoding, "no content encoding is supported", {}};
  if (!is_json(r.content_type.value_or("")))
    return problem{unsupported_media_type, "send the body as application/json", {}};
  if (r.body.size() > bounds.body_bytes_max)
    return problem{
        body_too_large, "the limit is " + std::to_string(bounds.body_bytes_max) + " bytes", {}};
  return std::nullopt;
}

} // namespace

parsed parse(const request& r, const wire::secret& secret, const limits& bounds) {
  using enum problem_code;
  auto path = path_of(r.target);
  if (!path)
    return problem{bad_target, "a path begins with '/' and is percent-encoded UTF-8", {}};
  const auto* found = find_resource(*path);
  if (!found)
    return problem{unknown_route, "a '/' within a key is written as %2F", {}};
  if (r.method == "OPTIONS")
    return options_request{found->allow};
  if (!allows(found->allow, r.method))
    return problem{method_not_allowed,
                   "allowed are " + std::string{found->allow},
                   {},
                   std::string{found->allow}};
  if (const auto* page = std::get_if<parsed>(&found->what))
    return *page;

  crdt::key key{std::get<crdt::type>(found->what), std::move((*path)[1])};
  if (key.name.empty() || key.name.size() > crdt::key_name_max)
    return problem{bad_key,
                   "a key has 1 to " + std::to_string(crdt::key_name_max) + " bytes once decoded",
                   {}};
  if (r.method == "GET" || r.method == "HEAD")
    return read_request{std::move(key)};
  if (auto refused = refuse_write(r, bounds))
    return std::move(*refused);
  auto command = command_of(key, r.body, secret);
  if (auto* refused = std::get_if<problem>(&command))
    return std::move(*refused);
  return write_request{std::move(key), std::get<crdt::command>(std::move(command))};
}

} // namespace starling::http
