#pragma once

// The replicas and members that the tests of this folder talk about.

#include "crdt/payload.hpp"
#include "crdt/replica_id.hpp"

namespace starling::crdt {

/// Three replicas in ascending order.
inline const auto a = replica_id::from(1, 1);
inline const auto b = replica_id::from(2, 2);
inline const auto c = replica_id::from(3, 3);

inline payload text(std::string x) {
  return {payload_kind::text, std::move(x)};
}

/// The canonical bytes of a value.
template <class T>
std::string bytes_of(const T& x) {
  wire::writer out;
  x.encode(out);
  return std::move(out).take();
}

/// What `T::decode` makes of some bytes, all of them, or why it refuses them.
template <class T>
wire::decoded<T> decoded(std::string_view bytes) {
  wire::reader in{bytes};
  auto result = T::decode(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

/// Why `T::decode` refuses some bytes; empty if it does not.
template <class T>
std::string_view refusal_of(std::string_view bytes) {
  const auto result = decoded<T>(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

} // namespace starling::crdt
