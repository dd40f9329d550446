// Bytes that claim to be an announcement: refused, or read to the last byte and harmless to the
// node that hears it.

#include "membership/joiner.hpp"

#include <cstdlib>

using namespace starling;

namespace {

void require(bool claim) {
  if (!claim)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto decoded = membership::decode_announcement(bytes);
  const auto* said = std::get_if<membership::announcement>(&decoded);
  if (said == nullptr)
    return 0;

  wire::writer out;
  encode(out, *said);
  require(std::move(out).take() == bytes);

  const membership::member self{"a:1", 5, membership::node_id::from(1, 2), {3}, "", ""};
  membership::joiner node{self, {.seeds = {"b:1"}, .max_members = 4}, 1, {}};
  const auto pushes = node.tick({});
  require(pushes.size() == 1);
  node.received(*said, {});
  node.synced("b:1", *said, {});
  require(node.members().size() <= 4);
  require(is_valid(node.self()) && same_session(node.self(), self));
  const auto again = node.members();
  node.received(*said, {});
  const auto* rival = node.members().find("a:1");
  require(rival != nullptr && (again == node.members() || *rival >= self));
  return 0;
}
