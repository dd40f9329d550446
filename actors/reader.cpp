#include "actors/reader.hpp"

#include "actors/end_on_error.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace starling::actors {

namespace {

constexpr std::size_t digests_at_a_time = 4096;

class reader_impl : public reader_actor::base {
public:
  reader_impl(caf::actor_config& cfg, reader_context context)
      : reader_actor::base(cfg), context_(std::move(context)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "reader"; }

  void on_exit() override {
    context_.rows = nullptr;
    context_.disk = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](load_atom, const crdt::key& key) -> caf::result<kept_value> {
          auto read = value_of(key, context_.whole_bytes);
          if (!read)
            return failed(read.error());
          return kept_value{*std::move(read)};
        },
        [this](load_atom, const crdt::key& key, const storage::wanted_rows& wanted) {
          return result_of(storage::read_rows(*context_.rows->now(), key, wanted));
        },
        [this](read_atom, const crdt::key& key, const crdt::query& q) { return view(key, q); },
        [this](state_atom, const crdt::key& key) { return state(key); },
        [this](keys_atom, const crdt::key_query& q) { return list(q); },
        [this](digests_atom, const std::optional<crdt::key>& after) {
          return result_of(storage::read_digests(*context_.rows->now(), after, digests_at_a_time));
        },
    };
  }

private:
  caf::error failed(const storage::failure& why) const {
    if (why.kind == storage::trouble::unknown)
      return caf::make_error(errc::newer_format, why.what);
    if (context_.disk)
      caf::anon_send(context_.disk, damaged_atom_v, why);
    return caf::make_error(errc::unreadable, why.what);
  }

  template <class T>
  caf::result<T> result_of(storage::found<T> read) const {
    if (!read)
      return failed(read.error());
    return *std::move(read);
  }

  storage::found<std::optional<storage::held_value>> value_of(const crdt::key& key,
                                                              std::uint64_t whole_bytes) const {
    return storage::read_value(*context_.rows->now(), key, whole_bytes, context_.digests);
  }

  caf::result<crdt::view> view(const crdt::key& key, const crdt::query& q) const {
    if (const auto* wanted = std::get_if<crdt::member_page>(&q);
        wanted != nullptr && crdt::has_rows(key.type))
      return page(key, *wanted);
    const auto read = value_of(key, UINT64_MAX);
    if (!read)
      return failed(read.error());
    const auto& found = *read;
    if (!found)
      return errc::no_such_key;
    return found->view(q);
  }

  caf::result<crdt::view> page(const crdt::key& key, const crdt::member_page& wanted) const {
    auto read = storage::read_page(*context_.rows->now(), key, wanted);
    if (!read)
      return failed(read.error());
    auto& found = *read;
    if (!found)
      return errc::no_such_key;
    return std::move(*found);
  }

  caf::result<std::vector<crdt::key>> list(const crdt::key_query& q) const {
    auto read = storage::list_keys(*context_.rows->now(), q);
    if (!read)
      return failed(read.error());
    auto& keys = *read;
    if (!keys)
      return errc::being_mended;
    return std::move(*keys);
  }

  caf::result<std::string> state(const crdt::key& key) const {
    const auto read = value_of(key, UINT64_MAX);
    if (!read)
      return failed(read.error());
    const auto& found = *read;
    return found ? found->value().encode() : std::string{};
  }

  reader_context context_;
};

} // namespace

reader_actor spawn_reader(caf::actor_system& sys, const reader_context& context) {
  return context.has_own_thread ? sys.spawn<reader_impl, caf::detached>(context)
                                : sys.spawn<reader_impl>(context);
}

} // namespace starling::actors
