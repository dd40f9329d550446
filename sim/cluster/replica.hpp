#pragma once

// What a process of a simulated cluster does with data: values, the gossip core and the real
// encoding, and perhaps a disk.
//
// It does what a node's actors do: it applies commands, carries out the core's effects and reports
// back, and takes membership's word for who is a peer. Values stand in several shards; each step
// between the core, a shard, the disk and who reads it takes a moment, so that others come in
// between, but none overtakes another on the same way. Where there is a disk, values go to rest:
// then only the disk has them.

#include "keyspace/anti_entropy.hpp"
#include "keyspace/numbering.hpp"
#include "keyspace/rest_order.hpp"
#include "membership/remembered.hpp"
#include "replication/confirmation.hpp"
#include "replication/gossip.hpp"
#include "sim/cluster/committer.hpp"
#include "sim/cluster/disk.hpp"
#include "sim/cluster/history.hpp"
#include "sim/cluster/keeper.hpp"
#include "sim/membership/process.hpp"
#include "storage/evidence.hpp"
#include "storage/lost_keys.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace starling::simulation {

using replication::session_id;

/// The types of values that a node says it reads.
replication::type_set types_read_by(const membership::abilities& can);

class replica {
public:
  using values = std::map<crdt::key, crdt::value>;

  struct surroundings {
    timeline& time;
    chronicle& log;
    history& past;
    replication::gossip_limits limits;
    replication::digester digests;
    duration interval;         // between rounds, about
    duration prompt_delay;     // of further ones after a change; 0: none
    std::uint64_t whole_bytes; // more of a set is not held for long, where there is a disk

    /// Sends a gossip message; ends with `answered` or `failed`, in the process.
    std::function<void(replica& from, session_id peer, const std::string& address,
                       std::string bytes)>
        post;

    /// Asks whoever is at an address what is known of a replica id; ends with `stated`, in the
    /// process.
    std::function<void(replica& from, const std::string& address)> ask;

    /// Nobody who was asked knows of later events of this one: it would now number further ones
    /// under its old id. Whether it may.
    std::function<bool(const replica&)> confirms;

    /// It will number events under another id, perhaps because something turned out to be lost.
    std::function<void(const replica&, const crdt::replica_id&, bool shows_loss)> renews;

    /// States will now be read, to be sent to somebody.
    std::function<void(replica&)> reads_states;

    /// It says that a peer has had all that it had when it met that peer: these values.
    std::function<void(const replica&, session_id, const values&)> has_holder;

    /// The keys that its disk had lost are open now.
    std::function<void(const replica&)> opens;

    /// Tells membership that somebody else is at this address than was thought.
    std::function<void(process&, const std::string& address)> call_on;
  };

  /// Who numbers its events, and where it keeps what it has.
  struct home {
    crdt::replica_id self;
    disk* rows = nullptr; // may be none
    bool is_careful = false;
    storage::lost_keys lost{}; // clients get nothing of these until they are back
    std::optional<keyspace::rescuers> rescuers{}; // who may bring them back, if there are any
    std::optional<session_id> kept_since{};       // all that is there
    std::vector<membership::remembered_member> members{}; // that it knew, and who had all of it

    storage::evidence seen{}; // of the disk
    bool is_certain = true;   // the id, so that nobody is to be asked
    std::uint64_t changes = 0;
    std::vector<session_id> witnesses{};      // since when others keep what they know
    std::vector<replication::tally> former{}; // under ids that it gave up since it lost anything
    std::vector<replication::tally> tallies{};
    std::vector<std::string> others{}; // addresses that it knows
  };

  replica(process& in, std::string name, const surroundings& around, home at, dice random);

  // Events refer to the replica.
  replica(const replica&) = delete;
  replica& operator=(const replica&) = delete;

  /// Asks the others what they know of it, if its id is not certain. Once it is in its place.
  void start();

  // -- inputs, in the process --

  // Clients' requests. A read shows nothing if there is nothing to be seen.

  void write(const crdt::key& key, const crdt::command& what);
  void read(const crdt::key& key, const std::optional<crdt::payload>& member,
            const keeper::shown& then);

  /// A gossip message came; `reply` is called at most once, with nothing if there is no answer.
  void receive(const std::string& bytes, std::function<void(std::string)> reply);

  void answered(session_id peer, const std::string& bytes);
  void failed(session_id peer);

  /// What it knows of a replica id.
  replication::statement state(const crdt::replica_id& about) const;

  /// What came of a question of its own; nothing without an answer.
  void stated(const std::string& address, const std::optional<replication::statement>& said);

  /// An answer came after its message was reported as failed or answered: it must not count.
  void answered_late(session_id peer, const std::string& bytes);

  /// A value gets lost, and nobody notices. Not if something is on its way to it or from it.
  bool lose(const crdt::key& key);

  /// Membership tells of a member.
  void hears(const membership::event& e);

  // -- the end --

  /// What it was given is committed, as when it stops in order. Requires: there is a disk.
  void stop() { committer_->stop(); }

  /// The process has ended: whether the disk has all that was ever committed there. Requires: there
  /// is a disk.
  bool end(bool power_fails) { return committer_->end(power_fails); }

  // -- views --

  process& in() const { return in_; }
  const std::string& name() const { return name_; }
  session_id session() const { return {in_.born.self.session.bits}; }
  const crdt::replica_id& self() const { return numbering_.replica(); }
  session_id kept_since() const { return at_.kept_since.value_or(session()); }
  const replication::gossip& core() const { return core_.core(); }
  bool reads(crdt::type t) const { return around_.limits.ours.reads.contains(t); }

  /// What it has, as far as it is committed.
  std::vector<crdt::key> keys() const;
  crdt::value value_of(const crdt::key& key) const;

  /// Whether the disk has exactly the rows of these values, in any case if there is none.
  bool has_only(const std::vector<crdt::key>& keys) const;

  /// What it asks the others, while that is open.
  const replication::confirmation* asked() const { return asked_ ? &*asked_ : nullptr; }
  std::uint64_t changes_at_start() const { return at_.changes; }
  bool is_time_up() const { return is_time_up_; }

  /// How many rounds it has begun since its id is certain, while its disk was well.
  std::uint64_t certain_rounds() const { return certain_rounds_; }

  /// When it last sent a message or learned anything.
  duration last_activity() const { return last_activity_; }

private:
  /// When the last of what is on a way through the node arrives.
  using way = duration;

  void send(way& w, std::function<void()> what);
  void let_happen(duration when, std::function<void()> what);
  void after_input();
  way& to_shard(const crdt::key& key);
  way& from_shard(const crdt::key& key);
  keeper& keeper_of(const crdt::key& key);
  void let_idle_rest();
  void let_rest(const crdt::key& key);
  void restore(const std::optional<crdt::key>& after);
  void commit(const storage::batch& changed, const std::shared_ptr<operation>& what,
              const committer::committed& then);
  void schedule_round();
  void ask_others();
  void settle();
  template <class Report>
  void report_id(Report report_to);
  crdt::replica_id fresh_id();
  void give_up(const crdt::replica_id& lost, const keeper::renewed& then);
  void carry_out(const keyspace::keep_id& e);
  void carry_out(const keyspace::number_under& e);
  void carry_out(const keyspace::answer_id& e);
  void write_now(const crdt::key& key, const crdt::command& what);
  template <class Report>
  void report(Report report_to);
  void carry_out(const keyspace::post& e);
  void carry_out(const keyspace::join_parts& e);
  void carry_out(const keyspace::gather_news& e);
  void carry_out(const keyspace::read_state& e);
  void carry_out(const keyspace::reply& e);
  void carry_out(const keyspace::keep& e);
  void carry_out(const keyspace::was_set_back& e);
  void carry_out(const keyspace::prompt_later& e);
  void carry_out(const keyspace::retry_later& e);
  void carry_out(const keyspace::flush_later& e);
  void carry_out(const keyspace::flushed&) {}
  void carry_out(const keyspace::is_up_to_date&) {}
  void carry_out(const keyspace::went_silent&) {}
  void carry_out(const keyspace::answers_again&) {}
  void carry_out(const keyspace::stranger& e);
  void carry_out(const keyspace::peer_refuses& e);
  void carry_out(const keyspace::held_all& e);
  void carry_out(const keyspace::caught_up& e);
  void carry_out(const keyspace::count_moment& e);
  void carry_out(const keyspace::commit_what_is_kept& e);
  void remember_members();
  bool is_for_former(const std::string& bytes) const;
  void check_size(const std::string& bytes);
  void complain(std::string invariant, std::string what);

  static constexpr std::size_t shards = 3;

  process& in_;
  std::string name_;
  surroundings around_;
  home at_;
  dice random_;
  duration clock_skew_;
  keyspace::rest_order order_; // of the keys that are awake, if there is a disk
  std::map<crdt::key, keyspace::rest_order::place> awake_;
  keeper::surroundings around_keepers_;
  std::map<crdt::key, keeper> keepers_; // of the values in memory
  std::unique_ptr<committer> committer_;
  keyspace::anti_entropy core_;
  std::optional<replication::confirmation> asked_; // while it is open whether the id is certain
  bool is_time_up_ = false;
  std::uint64_t certain_rounds_ = 0;
  keyspace::numbering numbering_;
  std::map<keyspace::id_ticket, keeper::renewed> id_askers_; // who is told of the id that counts
  keyspace::id_ticket last_id_asker_ = 0;
  std::vector<membership::remembered_member> remembered_;
  membership::holders holders_;      // who had all that is here
  std::map<session_id, values> met_; // what it had when it first met them
  std::set<session_id> under_way_;   // messages that are not reported yet
  std::map<keyspace::ticket, std::function<void(std::string)>> replies_; // to messages of others
  std::map<keyspace::ticket, std::vector<replication::item>> acknowledging_; // what those brought
  keyspace::ticket last_ticket_ = 0;
  std::map<session_id, std::uint64_t> retries_; // the number of the latest
  std::array<way, shards> to_shards_{};
  std::array<way, shards> from_shards_{};
  way from_membership_{0};
  way to_disk_{0};
  way from_disk_{0};
  way to_reader_{0};
  way from_reader_{0};
  duration last_activity_{0};
};

} // namespace starling::simulation
