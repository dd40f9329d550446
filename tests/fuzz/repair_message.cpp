// Messages of a repair: whatever is decoded has one encoding only, and can be answered, taken for
// an answer, or read as rows of a set.

#include "replication/repair.hpp"
#include "replication/row_repair.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace starling;

constexpr auto limit = replication::repair_message_bytes_min;

void require(bool holds) {
  if (!holds)
    std::abort();
}

const replication::hash_tree& tree() {
  static const auto result = [] {
    replication::hash_tree t;
    for (std::uint64_t i = 1; i <= 200; ++i)
      t.set(i * 0x9e3779b97f4a7c15, std::to_string(i), {i, i * i});
    return t;
  }();
  return result;
}

void try_request(std::string_view bytes) {
  const auto decoded = replication::decode_repair_request(bytes);
  const auto* r = std::get_if<replication::repair_request>(&decoded);
  if (!r)
    return;
  require(replication::encode(*r) == bytes);
  const auto reply = replication::answer_to(*r, tree(), limit);
  require(replication::encode(reply.answer).size() <= limit);
}

void try_answer(std::string_view bytes) {
  const auto decoded = replication::decode_repair_answer(bytes);
  const auto* a = std::get_if<replication::repair_answer>(&decoded);
  if (!a)
    return;
  require(replication::encode(*a) == bytes);
  replication::repair_walk walk{limit};
  require(walk.next(tree()).has_value());
  if (walk.answered(tree(), *a))
    if (const auto& next = walk.next(tree()))
      require(replication::encode(*next).size() <= limit);
}

void try_rows(std::string_view bytes) {
  const auto decoded = replication::decode_snapshot_rows(crdt::type::set, bytes);
  if (const auto* r = std::get_if<replication::snapshot_rows>(&decoded))
    require(replication::encode(*r) == bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  try_request(bytes);
  try_answer(bytes);
  try_rows(bytes);
  return 0;
}
