#include "actors/home.hpp"

#include "actors/log.hpp"
#include "actors/storage.hpp"
#include "storage/rebuild.hpp"
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

/// Opens the rows, after they are rebuilt if they have to be.
std::variant<storage::opened, storage::failure> open_rows(const storage::folder& folder,
                                                          const options& o) {
  const storage::rocks_settings settings{
      .block_cache_bytes = o.storage.cache,
      .write_buffer_bytes = o.storage.write_buffer,
      .tell = [](std::string_view what) { log::warn("rocksdb", "{}", what); }};
  const auto done = storage::rebuild_if_ordered(folder, settings, digester_of(o));
  if (const auto* why = std::get_if<storage::failure>(&done)) {
    if (why->kind != storage::trouble::full)
      return *why;
    log::error("storage", "{}; damaged rows stay as they are until there is room", why->what);
  } else if (const auto& made = std::get<std::optional<storage::rebuilt>>(done)) {
    log::warn("storage", "rows are rebuilt ({}): {} keys are whole, {} ranges of keys are lost",
              made->why, made->rows.kept, made->rows.lost.ranges().size());
  }
  return storage::open_rocks_store(folder.rows(), settings);
}

/// Takes up what is on the disk, under the replica id that `into` has if another is needed.
std::optional<storage::failure> take_up_rows(const options& o, home& into) {
  auto opened = open_rows(*into.folder, o);
  if (auto* why = std::get_if<storage::failure>(&opened))
    return std::move(*why);
  auto& [rows, damage] = std::get<storage::opened>(opened);
  into.seen = {.format_file = into.folder->format_file(),
               .is_whole = !damage && !o.storage.new_identity};
  if (damage)
    log::warn("storage", "{}; events are numbered under a new replica id from now on", *damage);
  const bool is_careful = durability_of(o.storage.durability) == durability::sync;
  auto replica = storage::take_up_replica(*rows, into.seen, is_careful, into.who.replica);
  if (auto* why = std::get_if<storage::failure>(&replica))
    return std::move(*why);
  // The first commit that is synced makes the store forget its damage, so it must be the one above.
  if (auto why = storage::renew_digests(*rows, digester_of(o)))
    return why;
  if (o.storage.accept_loss)
    if (auto why = storage::forget_lost_keys(*rows))
      return why;
  auto lost = storage::read_lost_keys(*rows->now());
  if (auto* why = std::get_if<storage::failure>(&lost))
    return std::move(*why);
  into.lost = std::get<storage::lost_keys>(std::move(lost));
  into.who.replica = std::get<crdt::replica_id>(replica);
  into.rows = std::move(rows);
  return std::nullopt;
}

} // namespace

std::variant<home, std::string> open_home(const options& o) {
  home result;
  if (!o.storage.in_memory) {
    auto prepared = storage::prepare_folder(o.storage.data_dir);
    if (const auto* why = std::get_if<storage::failure>(&prepared))
      return "storage.data-dir: " + why->what;
    result.folder = std::get<storage::folder>(std::move(prepared));
  }
  auto taken_up = take_up_node_id(o);
  if (auto* why = std::get_if<std::string>(&taken_up))
    return "node.identity-file: " + *why;
  result.who = std::get<identity>(taken_up);
  if (!result.folder)
    return result;
  auto failed = take_up_rows(o, result);
  if (failed && failed->kind == storage::trouble::corrupted &&
      !storage::order_rebuild(result.folder->path(), failed->what))
    failed = take_up_rows(o, result);
  if (failed)
    return "storage.data-dir: " + failed->what;
  return result;
}

replication::digester digester_of(const options& o) {
  return replication::digester{wire::secret{o.cluster.name, o.cluster.key}.sign("digest", {})};
}

} // namespace starling::actors
