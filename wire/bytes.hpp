#pragma once

// Bytes in and out: the one encoding that messages, stored records and digests share.
//
// A `writer` appends; a `reader` walks over bytes that nobody trusts. The reader's first failure
// sticks: from then on every read returns zero or nothing, so a decoder reads straight on and asks
// `ok()` once where it matters. No read allocates more than the input justifies. Integers are
// little-endian base-128 (LEB128) in their shortest form only, so that equal values have equal
// bytes.

#include "wire/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::wire {

__extension__ using uint128 = unsigned __int128;

/// Why some bytes are not what they claim to be. Nothing was changed by them.
struct decode_error {
  std::string_view what;
  friend bool operator==(const decode_error&, const decode_error&) = default;
};

/// A decoded value or the reason why there is none.
template <class T>
using decoded = result<T, decode_error>;

class writer {
public:
  void u8(std::uint8_t x) { out_.push_back(static_cast<char>(x)); }

  /// Appends an integer in its shortest form, 1 to 10 bytes (1 to 19 for 128 bits).
  void varint(std::uint64_t x);
  void varint128(uint128 x);

  /// Appends bytes as they are.
  void raw(std::string_view x) { out_.append(x); }

  /// Appends a length and that many bytes.
  void bytes(std::string_view x);

  std::size_t size() const { return out_.size(); }

  /// What was written so far; valid until the next write.
  std::string_view view() const { return out_; }

  /// Forgets what was written after the first `size` bytes; keeps the memory for reuse.
  void truncate(std::size_t size) { out_.resize(size); }

  /// Replaces a byte that was written. Requires: at < size().
  void set(std::size_t at, std::uint8_t x) { out_[at] = static_cast<char>(x); }

  std::string take() && { return std::move(out_); }

private:
  std::string out_;
};

class reader {
public:
  explicit reader(std::string_view input) : rest_(input) {}

  std::uint8_t u8();
  std::uint64_t varint();
  uint128 varint128();

  /// Exactly `size` bytes; a view into the input.
  std::string_view raw(std::size_t size);

  /// A length and that many bytes; a view into the input. Fails beyond `limit`.
  std::string_view bytes(std::size_t limit = SIZE_MAX);

  /// A number of items of which each takes at least `bytes_each` (> 0) of what is left; fails when
  /// they cannot fit.
  std::size_t count(std::size_t bytes_each);

  /// Records the first failure; later ones are ignored.
  void fail(std::string_view why);

  /// Fails unless all input was read.
  void expect_end();

  bool ok() const { return !error_; }
  std::size_t remaining() const { return rest_.size(); }

  /// Requires: !ok().
  decode_error error() const { return *error_; }

private:
  std::string_view rest_;
  std::optional<decode_error> error_;
};

} // namespace starling::wire
