#pragma once

// Pieces of what is larger than a message: the content of another message, in order, each sent
// after the one before it was acknowledged, and read only when all of it is there.

#include "replication/session.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace starling::replication {

struct fragment {
  std::uint64_t number = 0; // which content of its sender's; a later one has a higher number
  std::uint64_t size = 0;   // of all of it, in bytes
  std::uint64_t offset = 0; // where this piece begins
  std::string bytes;
  friend bool operator==(const fragment&, const fragment&) = default;
};

/// The piece that begins at an offset. Requires: offset <= content.size().
fragment cut(std::uint64_t number, std::string_view content, std::uint64_t offset,
             std::size_t bytes_max);

/// The contents that are on their way here, at most one of each session.
class assembly {
public:
  /// Bytes of all of them together, at most.
  explicit assembly(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  enum class outcome : std::uint8_t {
    kept,       // the next one may come
    whole,      // see `content`
    done,       // all of it was here before, and was used
    busy,       // there is no room for it now
    start_over, // it does not go on with what is here
    too_large,
  };

  /// Takes a piece; the same one twice does no harm.
  outcome add(session_id from, const fragment& f);

  /// What was assembled. Requires: `whole` came of this session's last piece.
  const std::string& content(session_id from) const { return partial_.at(from).bytes; }

  /// That content was used; the session's next one has a higher number.
  void used(session_id from, std::uint64_t number);

  void forget(session_id from);

  /// About a second has passed. What nothing was added to for long makes room for others.
  void age();

  std::size_t bytes() const { return bytes_; }

private:
  struct partial {
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::string bytes;
    bool is_used = false;
    unsigned age = 0;
  };

  void drop(partial& p);
  bool make_room(std::uint64_t size);

  static constexpr unsigned old = 16; // seconds

  std::size_t bytes_max_;
  std::size_t bytes_ = 0; // that are here, or that room is kept for
  std::map<session_id, partial> partial_;
};

} // namespace starling::replication
