// Values from strangers: what the decoder accepts is canonical, and joining it is safe.

#include "crdt/value.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using starling::crdt::value;

void require(bool claim) {
  if (!claim)
    std::abort();
}

std::optional<value> decoded(std::string_view bytes) {
  auto result = value::decode(bytes);
  if (auto* accepted = std::get_if<value>(&result))
    return std::move(*accepted);
  return std::nullopt;
}

/// Joining gives the same in both directions, and something that can be sent on.
void check_join(const value& x, const value& y) {
  if (x.type() != y.type())
    return;
  auto both = x;
  const auto news = both.join(y);
  require(news.has_value() == (both != x));
  require(!both.join(y));
  require(decoded(both.encode()) == both);
  auto other_way = y;
  other_way.join(x);
  require(other_way == both);
  if (news) {
    require(decoded(news->encode()) == *news);
    auto by_news = x;
    by_news.join(*news);
    require(by_news == both);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  // One value, or two with the length of the first in front.
  if (auto x = decoded(input)) {
    require(x->encode() == input);
    require(!x->join(*x));
  }
  starling::wire::reader in{input};
  const auto x = decoded(in.bytes());
  const auto y = decoded(in.raw(in.remaining()));
  if (x && y)
    check_join(*x, *y);
  return 0;
}
