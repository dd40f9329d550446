#pragma once

// The parameters of requests: one query string becomes one query, or a problem that says what is
// wrong with it. No parameter may be unknown, or be there twice.
//
//     values with rows  ?limit=100&after=apple: a page of members
//     values            the parameters of their type (http/api/type_api.hpp)
//     /keys             ?type=set&prefix=user&limit=100&after=set/user-7

#include "crdt/key_query.hpp"
#include "crdt/query.hpp"
#include "http/api/problem.hpp"
#include "http/api/style.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

/// How many members or keys a page has at most, and how many if the request does not say.
inline constexpr std::size_t page_limit_max = 10'000;
inline constexpr std::size_t page_limit_default = 1'000;

struct value_query {
  crdt::query what;
  style how;
  friend bool operator==(const value_query&, const value_query&) = default;
};

/// What a read of a value of this type asks for: the whole value, or a page.
result<value_query> query_of(crdt::type type, std::string_view target);

/// How a value of this type is shown. For requests that have no parameters but these.
result<style> style_of(crdt::type type, std::string_view target);

result<crdt::key_query> key_query_of(std::string_view target);

/// The problem with a request that may have no parameters; nothing if it has none.
wire::possible<problem> refuse_parameters(std::string_view target);

/// What the parameter `after` of a list of keys says of a key: "set/fruits".
std::string cursor_of(const crdt::key& key);

} // namespace starling::http
