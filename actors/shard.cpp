#include "actors/shard.hpp"

#include "actors/last_words.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>

namespace starling::actors {

namespace {

struct key_hash {
  std::size_t operator()(const crdt::key& key) const {
    return std::hash<std::string_view>{}(key.name) * 31 + static_cast<std::size_t>(key.type);
  }
};

class shard_impl : public shard_actor::base {
public:
  shard_impl(caf::actor_config& cfg, const key_context& context)
      : shard_actor::base(cfg), context_(context) {
    end_process_on_error(this);
  }

  const char* name() const override { return "shard"; }

  void on_exit() override {
    keys_.clear();
    context_.gossip = nullptr;
  }

  behavior_type make_behavior() override {
    return {
        [this](apply_atom, const crdt::key& key,
               const crdt::command& c) -> caf::result<crdt::view> {
          if (!crdt::can_create(c, context_.replica) && !keys_.contains(key))
            return crdt::view_of(crdt::value{key.type}, c);
          return delegate(find_or_spawn(key), apply_atom_v, c);
        },
        [this](read_atom, const crdt::key& key, const crdt::query& q) -> caf::result<crdt::view> {
          if (const auto found = keys_.find(key); found != keys_.end())
            return delegate(found->second, read_atom_v, q);
          return errc::no_such_key;
        },
        [this](join_atom, const crdt::key& key, const crdt::value& part) -> caf::result<novelty> {
          if (part.empty() && !keys_.contains(key))
            return novelty{};
          return delegate(find_or_spawn(key), join_atom_v, part);
        },
        [this](state_atom, const crdt::key& key) -> caf::result<std::string> {
          if (const auto found = keys_.find(key); found != keys_.end())
            return delegate(found->second, state_atom_v);
          return std::string{};
        },
        [this](keys_atom, const crdt::key_query& q) { return list(q); },
        [this](report_atom) { return std::uint64_t{keys_.size()}; },
    };
  }

private:
  const key_actor& find_or_spawn(const crdt::key& key) {
    auto& actor = keys_[key];
    if (!actor)
      actor = spawn_key(home_system(), key, context_);
    return actor;
  }

  std::vector<crdt::key> list(const crdt::key_query& q) const {
    std::vector<crdt::key> result;
    for (const auto& range : crdt::ranges_of(q))
      for (auto at = keys_.lower_bound(range.first);
           at != keys_.end() && range.contains(at->first) && result.size() < q.limit; ++at)
        result.push_back(at->first);
    return result;
  }

  key_context context_;
  std::map<crdt::key, key_actor> keys_;
};

} // namespace

shard_actor spawn_shard(caf::actor_system& sys, const key_context& context) {
  return sys.spawn<shard_impl>(context);
}

const shard_actor& shard_map::of(const crdt::key& key) const {
  return shards_[key_hash{}(key) % shards_.size()];
}

} // namespace starling::actors
