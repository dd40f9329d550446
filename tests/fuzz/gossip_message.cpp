// Messages between gossiping nodes, and their answers: whatever is decoded has one encoding only,
// if all of it is known, and can be joined.

#include "replication/message.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>

namespace {

using namespace starling;

void require(bool holds) {
  if (!holds)
    std::abort();
}

void try_message(std::string_view bytes) {
  const auto decoded = replication::decode_message(bytes);
  const auto* m = std::get_if<replication::message>(&decoded);
  if (!m)
    return;
  std::vector<replication::encoded_item> items;
  std::map<crdt::key, crdt::value> joined;
  for (const auto& [key, part] : m->items) {
    items.push_back({key, part.encode()});
    auto& target = joined.try_emplace(key, key.type).first->second;
    auto before = target;
    const auto news = target.join(part);
    require(news.has_value() == (target != before));
    if (news) {
      before.join(*news);
      require(before == target); // the novelty is as good as the whole
    }
    require(!target.join(part)); // once is enough
  }
  if (m->skipped == 0 && m->unknown_fields == 0)
    require(replication::encode(*m, items) == bytes);
  for (const auto& [key, value] : joined)
    require(crdt::value::decode(value.encode()) == wire::decoded<crdt::value>{value});
}

void try_answer(std::string_view bytes) {
  const auto decoded = replication::decode_answer(bytes);
  const auto* a = std::get_if<replication::answer>(&decoded);
  if (a == nullptr)
    return;
  std::vector<replication::encoded_item> items;
  for (const auto& [key, part] : a->items)
    items.push_back({key, part.encode()});
  if (a->skipped == 0 && a->unknown_fields == 0)
    require(replication::encode(*a, items) == bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  try_message(bytes);
  try_answer(bytes);
  return 0;
}
