#pragma once

// What the API of a type of value has to say.
//
// An API is a struct without members (http/api/counter_api.hpp is the shortest). The struct says
// the route and its methods, the parameters that say how a value is shown, the command that a body
// becomes, and the members of the JSON object that shows a view: `show` for a view after a read,
// `show_written` for a view after a write. A type with rows also has a route to one of its members.
// All APIs are in one list (http/api/types.hpp).
//
// A new API says `static_assert(type_api<my_api>);` in its source. If something is missing, the
// compiler then names the line below that is not fulfilled.

#include "crdt/replicated.hpp"
#include "crdt/value.hpp"
#include "http/api/problem.hpp"
#include "http/api/style.hpp"
#include "wire/seal.hpp"

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::http {

// clang-format off

/// Whether an API makes the members of a JSON object from a view, after a read.
template <class A, class View>
concept shows = requires(const View& seen, const crdt::key& key, const wire::secret& secret) {
  { A::show(seen, key, secret, style{}) } -> std::same_as<std::vector<std::string>>;
};

/// The same after a write.
template <class A, class View>
concept shows_written = requires(const View& seen, const crdt::key& key,
                                 const wire::secret& secret) {
  { A::show_written(seen, key, secret, style{}) } -> std::same_as<std::vector<std::string>>;
};

// The same of a view, or of each of a variant of views.
template <class A, class Seen>
inline constexpr bool shows_each = shows<A, Seen>;
template <class A, class... Views>
inline constexpr bool shows_each<A, std::variant<Views...>> = (shows<A, Views> && ...);
template <class A, class Seen>
inline constexpr bool shows_each_written = shows_written<A, Seen>;
template <class A, class... Views>
inline constexpr bool
    shows_each_written<A, std::variant<Views...>> = (shows_written<A, Views> && ...);

template <class A>
concept type_api =
    crdt::replicated<typename A::type> &&
    requires(std::string_view body, const crdt::key& key, const wire::secret& secret) {
      // The path of a value. Ends in /{key}.
      { A::route } -> std::convertible_to<std::string_view>;

      // The methods of the route, as in the header `Allow`: "GET, HEAD, POST, OPTIONS".
      { A::allow } -> std::convertible_to<std::string_view>;

      // An array of the parameters that say how a value is shown. A new parameter is also a member
      // of `style` (http/api/style.hpp), and is read in http/api/queries.cpp.
      { A::parameters.size() } -> std::convertible_to<std::size_t>;

      // The command that the body of a write becomes, or the problem with the body.
      { A::command_of(body, key, secret, style{}) } -> std::same_as<result<typename A::type::command>>;
    } &&
    // What the type shows after a read, and after a write.
    requires(const typename A::type::state& state, const typename A::type::command& command,
             const crdt::query& query) {
      requires shows_each<A, decltype(A::type::view_of(state, query))>;
      requires shows_each_written<A, decltype(A::type::view_after(state, command))>;
    } &&
    (!A::type::has_rows || requires {
      // The path of one member. Ends in /members/{member}.
      { A::member_route } -> std::convertible_to<std::string_view>;
      { A::member_allow } -> std::convertible_to<std::string_view>;
    });
// clang-format on

} // namespace starling::http
