// Feeds any request to the parser: a line with the method, a line with the target, the body. A
// write that it accepts, written out again, has to be accepted as the same write; the key after
// which a list begins, shown in a reply and handed back, as the same key.

#include "http/api/context_token.hpp"
#include "http/api/json_text.hpp"
#include "http/api/queries.hpp"
#include "http/api/reply.hpp"
#include "http/api/request.hpp"

#include <cstdint>
#include <cstdlib>
#include <optional>

namespace {

using namespace starling;

const wire::secret secret{"fuzz", ""};

std::string body_of(const crdt::counter_add& add) {
  const auto text = std::to_string(add.amount);
  return add.amount > 0 ? "{\"increment\":" + text + "}" : "{\"decrement\":" + text.substr(1) + "}";
}

std::string body_of(const crdt::register_assign& assign) {
  return "{\"value\":" + assign.what.data + "}";
}

std::string body_of(const crdt::set_change& change, const crdt::key& key) {
  std::string contexts;
  const auto list = [&](const std::vector<crdt::member_change>& members) {
    std::string result;
    for (const auto& [member, observed] : members) {
      result += (result.empty() ? "" : ",") + http::quote(member.data);
      if (observed)
        contexts += (contexts.empty() ? "" : ",") + http::quote(member.data) + ":\"" +
                    http::encode_context(secret, key, member, *observed) + "\"";
    }
    return "[" + result + "]";
  };
  const auto add = list(change.add);
  const auto remove = list(change.remove);
  return "{\"add\":" + add + ",\"remove\":" + remove + ",\"contexts\":{" + contexts + "}}";
}

/// Of a type for which nothing is said above only the parser is tried.
std::optional<std::string> body_of(const http::write_request& write) {
  return std::visit(
      [&](const auto& command) -> std::optional<std::string> {
        if constexpr (requires { body_of(command, write.key); })
          return body_of(command, write.key);
        else if constexpr (requires { body_of(command); })
          return body_of(command);
        else
          return std::nullopt;
      },
      write.command);
}

/// Each byte as an escape.
std::string escaped(const std::string& text) {
  static constexpr auto digits = "0123456789abcdef";
  std::string result;
  for (const unsigned char c : text)
    result.append({'%', digits[c >> 4], digits[c & 15]});
  return result;
}

void check(const crdt::key_query& list) {
  if (list.limit < 1 || list.limit > http::page_limit_max)
    std::abort();
  if (!list.after)
    return;
  if (http::check_json(http::reply_with(crdt::key_page{{*list.after}, true}).body))
    std::abort();
  const auto again = http::key_query_of("/keys?after=" + escaped(http::cursor_of(*list.after)));
  if (std::get<crdt::key_query>(again).after != list.after)
    std::abort();
}

std::string_view take_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  http::request request;
  request.method = take_line(rest);
  request.target = take_line(rest);
  request.body = rest;
  const http::limits bounds{.body_bytes_max = SIZE_MAX};
  const auto first = http::parse(request, secret, bounds);

  if (const auto* what = std::get_if<http::problem>(&first)) {
    if (http::check_json(http::to_json(*what)))
      std::abort();
    return 0;
  }
  if (const auto* list = std::get_if<http::keys_request>(&first))
    check(list->query);
  const auto* write = std::get_if<http::write_request>(&first);
  if (!write)
    return 0;
  const auto body = body_of(*write);
  if (!body)
    return 0;
  request.body = *body;
  const auto second = http::parse(request, secret, bounds);
  const auto* again = std::get_if<http::write_request>(&second);
  if (!again || again->key != write->key || body_of(*again) != body)
    std::abort();
  return 0;
}
