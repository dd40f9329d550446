#pragma once

// Clusters of whole nodes in virtual time: in each process of a world of membership cores a replica
// that gossips, and clients that write to it all the while. Everything of a run follows from its
// seed.
//
// Who is a peer, replicas learn from membership alone. Gossip suffers from all that is wrong with
// the network: in most runs each message and each answer is a datagram of its own, in some they
// keep to connections; one that was spoiled is dropped, as its envelope does not verify.
//
// In some runs processes are of several versions: they speak other versions of the protocol, and
// some do not know sets. Then all of the following holds of what those know who are to have it.
//
// Some nodes have a disk, which keeps values and replica id but neither session nor log. They hold
// of large sets only parts, and nobody is told of a change before it is committed. A process may be
// killed in the middle of a commit, or stop in order; the power may fail; a disk may be full; an
// older copy of it, or that of another, may be put in its place, or its rows may be set back in
// place, which only others can tell; all its rows may be removed; some may be damaged, at once or a
// while before that is noticed, and what is whole of them is saved when it is opened. Who is
// set back may find only those who have lost what they knew. Most nodes
// with a disk are careful and sync before they tell; the others sync every now and then, and what
// they lose when the power fails counts only if another replica has it. Nodes without a disk, and
// those whose disk is lost, start anew with another id.
//
// What must never happen:
//   R1  an acknowledged write is missing that a replica holds, or one that kept its state made
//   R2  what was removed comes back: on any replica at any time, and at the end
//   R3  replicas that have exchanged everything differ in one byte, or a disk has other rows than
//       those of its values
//   R4  an event is two things, or something shows that was never done or is not committed
//   R5  a log or a message passes its bound, or two things are done for one peer at a time
//   R6  a cluster that is whole does not become quiet, or logs keep what everybody has
//   R7  an answer acknowledges what was not joined and committed, or counts for another message
//   R8  a write reaches another cluster
//   R9  a value that a node lost without noticing is not mended
//   R10 a replica id numbers events from an older state than it had reached, though somebody who
//       was asked could tell, or by the word of those alone who have lost what they knew; or is
//       given up where all that was numbered under it is certain to be there; or who has an event
//       of a node knows less of it than that
//   R11 a disk that was set back is taken for one that has all that it had, though somebody who was
//       asked had met a later life of it; keys that a disk had lost are open before some other
//       node, which once had all that the disk had and has lost nothing since, has brought all that
//       it had of them; or a node is said to have had all, or to have lost nothing, that is not so
// All that must hold of membership is checked as well, with longer deadlines.

#include "sim/cluster/replica.hpp"
#include "sim/membership/world.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace starling::simulation {

class cluster : private tenant {
public:
  explicit cluster(const run_options& options);

  /// Lets everything happen, until nothing is left to be seen or an invariant does not hold.
  void run();

  const chronicle& log() const { return world_.log(); }
  std::uint64_t events() const { return world_.events(); }
  const std::vector<fault>& faults() const { return world_.faults(); }
  std::size_t nodes() const { return world_.nodes(); }
  duration now() const { return world_.now(); }
  bool was_hopeless() const { return world_.was_hopeless(); }

private:
  /// What a machine keeps between the lives of its processes.
  struct drive {
    membership::node_id node; // whose data it has
    std::unique_ptr<disk> rows;
    std::uint64_t number = 0; // of its marker file: a copy has another
    bool is_careful = false;  // in its present life
    bool is_whole = true;     // nothing that was committed in its last life is lost
    bool keeps_id = false;    // and that was certain
    bool is_damaged = false;  // some rows cannot be read
    duration lost_at{0};      // when something of it was lost last, of what it knew of others, too
    duration is_as_of{0};     // the moment that it was set back to, if it was
    duration went_back{0};    // the moment when
    bool goes_back = false;   // before its next life
    bool is_removed = false;  // the same
    bool is_set_back = false; // since its last life, without a sign of that
    std::optional<crdt::replica_id> set_back{}; // the id that it goes on under since
    bool believes_old_copy = false;             // it takes the older state for all it ever had

    /// The id that it is to go on under, once that is committed, and whether it then knows that it
    /// has lost something.
    struct {
      std::optional<crdt::replica_id> to{};
      bool shows_loss = false;
    } renewal{};

    bool knew_somebody = false;      // when it started, and has heard of nobody since
    std::set<session_id> kept_since; // nothing is lost that it had in these or later
    std::set<crdt::replica_id> ids;  // all that was acknowledged under these is here
  };

  /// A copy of the rows of a drive.
  struct backup {
    membership::node_id node;
    disk::rows rows;
    duration taken{0};
    duration lost_at{0}; // as of the drive, then
  };

  using values = replica::values;

  /// What others had of the keys that a disk had lost, when its process started or, if later, they:
  /// those who once had all that it had, and have lost nothing since.
  struct last_chance {
    storage::lost_keys lost;
    keyspace::rescuers who;
    std::uint64_t losses = 0; // so far, that nobody notices
    std::vector<values> of_others;
  };

  /// A gossip message on its way there or its answer on its way back.
  struct parcel {
    std::uint64_t call = 0;
    bool is_answer = false;
    address from;
    address to;
  };

  /// A message that waits for its answer, or did.
  struct call {
    replica* from = nullptr;
    session_id peer;
    std::string asked{}; // the address, if it is a question about a replica id
    bool is_over = false;
  };

  using replicas = std::vector<replica*>;

  // what the world tells
  void starts(process& p) override;
  void ends(process& p) override;
  void disk_fills(process& p) override;
  void disk_decays(process& p, bool goes_on) override;
  void disk_is_copied(process& p, bool is_idle) override;
  void disk_goes_back(process& p) override;
  void disk_is_removed(process& p) override;
  void hears(process& p, const membership::event& e) override;
  void faults_end() override;
  bool is_done() override;

  replication::type_set read_by(const process& p) const;

  // disks
  bool has_disk(const process& p) const;
  drive* drive_of(const process& p);
  drive make_drive(const process& p, disk::rows rows);
  replica::home move_in(process& p, const crdt::replica_id& fresh);
  void set_back(drive& d, const process& p, const backup& to);
  void check_remembered(const process& p, drive& d,
                        const std::vector<membership::remembered_member>& members);
  std::vector<std::string> others_of(const process& p, const storage::snapshot& at) const;
  disk::holes draw_holes(const disk::rows& rows);
  void damage_rows(drive& d);
  session_id adopt_kept_since(drive& d, const process& p);
  void expect(const process& p, const storage::lost_keys& lost, const keyspace::rescuers& who);
  static void give_chance(last_chance& hope, const replica& r);
  void give_chance(const replica& r);
  void check_holder(const replica& r, session_id holder, const values& all);
  void check_opening(const replica& r);
  bool is_running(const crdt::replica_id& id) const;

  // clients
  void request_soon();
  void rush(replica& r);
  void rush_before(const fault& f);
  void request(replica& r);
  replicas running(std::size_t which) const;

  // replica ids
  bool lacks_events(const replica& r, const replica& holder) const;
  bool knows_what_it_was_told_since(const replica& r, duration when) const;
  void check_statement(const replica& asks, const replica& says,
                       const replication::statement& said);
  bool check_confirmation(const replica& r);
  void note_contact(const replica& asked, session_id answered, const std::string& bytes);
  bool knows_of_a_later_life(const replica& of, const replica& asked) const;

  // gossip
  void send(call c, const std::string& address, std::string bytes);
  void post(replica& from, session_id peer, const std::string& address, std::string bytes);
  void carry(const parcel& p, std::shared_ptr<const std::string> bytes);
  void deliver(const parcel& p, const std::string& bytes);
  void ask(const parcel& p, const std::string& bytes);
  void end_call(std::uint64_t number, const std::string& answer);
  void reply(const parcel& question, std::string bytes);

  // the end
  replicas members(std::size_t which) const;
  static bool are_equal(const replica& a, const replica& b);
  bool is_quiet(const replicas& all, std::string* why);
  void check_end(const replicas& all);
  void check_rivals(const replicas& all);
  void damage_one();
  bool damage(const replicas& all);

  run_options options_;
  dice random_;
  world world_;
  history past_{world_.log()};
  replica::surroundings around_;
  std::vector<std::unique_ptr<replica>> replicas_; // by number of their process
  std::map<std::size_t, drive> drives_;            // by machine
  std::map<std::size_t, backup> backups_;          // of those, as they were once
  std::set<std::size_t> idle_;                     // machines that no client uses
  std::uint64_t drives_made_ = 0;
  std::map<std::size_t, last_chance> chances_; // by number of the process
  std::map<std::size_t, duration> started_;    // by number of the process
  std::map<std::size_t, std::set<const replica*>>
      testifiers_; // who told whom, by number of the latter
  // By number of the process: others, and under which ids.
  std::map<std::size_t, std::set<std::pair<std::size_t, crdt::replica_id>>> met_;
  std::uint64_t losses_ = 0;
  std::map<std::uint64_t, call> calls_;
  std::uint64_t last_call_ = 0;

  double share_of_disks_ = 0;
  double share_of_careful_ = 0;
  bool has_connections_ = false;
  duration call_timeout_{0};
  duration pace_{0}; // between two requests of clients, about
  std::size_t names_ = 1;
  duration next_rush_{0};
  bool are_faults_over_ = false;
  values held_; // by any member when the faults were over
  std::optional<duration> agreed_since_;
  std::optional<duration> damaged_since_;
  std::set<crdt::replica_id> forgetful_;
};

} // namespace starling::simulation
