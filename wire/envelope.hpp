#pragma once

// What goes around a message between two nodes: version, cluster, nonce, and a tag over it all.
//
// A request that was sealed by another cluster, for another path, or altered on the way is refused
// before anything of it is read. The answer's tag covers the request's, so an answer fits the one
// request that it was made for. With an empty key the tags are checksums: they find accidents, not
// attackers. An envelope that was recorded may be sent again, so its content has to say which
// process it is for: gossip does (replication/message.hpp), and calls do (call.hpp).

#include "wire/bytes.hpp"
#include "wire/result.hpp"
#include "wire/seal.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace starling::wire {

/// 128 bits that the caller drew at random; makes every request, and so every answer, unique.
struct nonce {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

/// Bytes that an envelope adds to its content.
inline constexpr std::size_t envelope_size = 1 + 16 + 16 + 16;

std::string seal_request(const secret& s, std::string_view path, nonce unique,
                         std::string_view content);

enum class envelope_error {
  malformed,       // not an envelope of a known version
  foreign_cluster, // of a cluster with another name or key
  not_authentic,   // altered, cut, or sealed for another path
};

std::string_view to_string(envelope_error e);

/// A view into the sealed bytes, and the tag that the answer has to cover.
struct opened_request {
  std::string_view content;
  std::string_view tag;
};

result<opened_request, envelope_error> open_request(const secret& s, std::string_view path,
                                                    std::string_view sealed);

std::string seal_answer(const secret& s, std::string_view request_tag, std::string_view content);

/// A view into the sealed bytes.
result<std::string_view, envelope_error>
open_answer(const secret& s, std::string_view sealed_request, std::string_view sealed);

} // namespace starling::wire
