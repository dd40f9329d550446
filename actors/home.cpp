#include "actors/home.hpp"

#include "actors/log.hpp"
#include "actors/storage.hpp"
#include "storage/rocks_store.hpp"
#include "wire/seal.hpp"

#include <utility>

namespace starling::actors {

namespace {

/// The node's id as it is kept in a file, or a new one.
std::variant<identity, std::string> take_up_node_id(const options& o) {
  const auto& file = o.node.identity_file;
  if (file.empty())
    return draw_identity();
  if (!o.storage.new_identity)
    return take_up_identity(file);
  const auto fresh = draw_identity();
  if (auto failure = keep_identity(file, fresh.node, fresh.generation))
    return std::move(*failure);
  return fresh;
}

} // namespace

std::variant<home, std::string> open_home(const options& o) {
  std::optional<storage::folder> folder;
  storage::opened disk;
  if (!o.storage.in_memory) {
    auto prepared = storage::prepare_folder(o.storage.data_dir);
    if (const auto* why = std::get_if<storage::failure>(&prepared))
      return "storage.data-dir: " + why->what;
    folder = std::get<storage::folder>(std::move(prepared));
    auto opened =
        storage::open_rocks_store(folder->rows(), {.block_cache_bytes = o.storage.cache,
                                                   .write_buffer_bytes = o.storage.write_buffer});
    if (const auto* why = std::get_if<storage::failure>(&opened))
      return "storage.data-dir: " + why->what;
    disk = std::get<storage::opened>(std::move(opened));
  }

  auto taken_up = take_up_node_id(o);
  if (auto* why = std::get_if<std::string>(&taken_up))
    return "node.identity-file: " + *why;
  home result{std::get<identity>(taken_up)};
  if (!folder)
    return result;

  result.seen = {.format_file = folder->format_file(),
                 .is_whole = !disk.damage && !o.storage.new_identity};
  if (disk.damage)
    log::warn("storage", "{}; events are numbered under a new replica id from now on",
              *disk.damage);
  const bool is_careful = durability_of(o.storage.durability) == durability::sync;
  const auto replica =
      storage::take_up_replica(*disk.rows, result.seen, is_careful, result.who.replica);
  if (const auto* why = std::get_if<storage::failure>(&replica))
    return "storage.data-dir: " + why->what;
  // The first commit that is synced makes the store forget its damage, so it must be the one above.
  if (const auto why = storage::renew_digests(*disk.rows, digester_of(o)))
    return "storage.data-dir: " + why->what;
  result.who.replica = std::get<crdt::replica_id>(replica);
  result.folder = std::move(folder);
  result.rows = std::move(disk.rows);
  return result;
}

replication::digester digester_of(const options& o) {
  return replication::digester{wire::secret{o.cluster.name, o.cluster.key}.sign("digest", {})};
}

} // namespace starling::actors
