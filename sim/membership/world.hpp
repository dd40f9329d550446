#pragma once

// Whole clusters of membership cores in virtual time: everything of a run follows from its seed.
//
// The world starts processes, carries what they send, resolves names, and lets go wrong what the
// schedule of faults says. It never joins anybody to anybody: a node has its seeds, and no other
// help.

#include "sim/chronicle.hpp"
#include "sim/membership/attacker.hpp"
#include "sim/membership/liveness.hpp"
#include "sim/membership/process.hpp"
#include "sim/membership/safety.hpp"
#include "sim/network.hpp"
#include "sim/run_options.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace starling::simulation {

/// What else runs in the processes of a world.
class tenant {
public:
  virtual ~tenant() = default;

  /// A process is there, and has done nothing yet; it has ended, and does nothing more.
  virtual void starts(process& p) = 0;
  virtual void ends(process& p) = 0;

  /// The disk of a process takes nothing more.
  virtual void disk_fills(process& p) = 0;

  /// Some of what it has on its disk cannot be read any more: from now on, and it goes on for a
  /// while; or once the process has ended, which is now.
  virtual void disk_decays(process& p, bool goes_on) = 0;

  /// A copy is made of the disk, which its next life but some finds in its place. Until then nobody
  /// uses it, perhaps.
  virtual void disk_is_copied(process& p, bool is_idle) = 0;
  /// Its next life finds that copy in the place of the disk, or nothing at all.
  virtual void disk_goes_back(process& p) = 0;
  virtual void disk_is_removed(process& p) = 0;

  /// The membership core of a process tells of a member, or of itself.
  virtual void hears(process& p, const membership::event& e) = 0;

  virtual void faults_end() = 0;

  /// Whether nothing is left to be seen. Asked now and then once all members agree who is one.
  virtual bool is_done() = 0;
};

class world {
public:
  explicit world(const run_options& options, tenant* tenant = nullptr);

  // Events refer to the world.
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Lets everything happen, until nothing is left to be seen or an invariant does not hold.
  void run();

  /// The address is home to another process than this one holds.
  void call_on(process& p, const std::string& address);

  timeline& time() { return time_; }
  network& net() { return net_; }
  chronicle& log() { return log_; }
  const chronicle& log() const { return log_; }
  const std::vector<std::unique_ptr<process>>& processes() const { return processes_; }
  process* listener_at(address a);

  /// Where a name leads: to the machine that has it now, whether or not something runs there. An
  /// address leads to itself.
  std::optional<address> resolve(const std::string& name) const;

  /// All addresses of a name: several for that of a service.
  std::vector<address> look_up(const std::string& name) const;

  std::string name(const process& p) const { return safety_.name(p); }

  std::uint64_t events() const { return time_.steps(); }
  const std::vector<fault>& faults() const { return faults_; }
  std::size_t nodes() const { return nodes_; }
  duration now() const { return time_.now(); }
  bool was_hopeless() const { return liveness_->was_hopeless(); }

private:
  /// What is left of a node when its process has ended.
  struct machine {
    std::size_t cluster = 0;
    address where;
    std::string name;    // host:port, as in the configurations
    std::string alias;   // another, for those who start from it
    std::string service; // the name of all machines of its cluster; empty if there is none
    std::vector<std::string> seeds;
    std::optional<membership::node_id> stored_id;
    std::uint64_t stored_generation = 0;
    double clock_rate = 1;
    std::int64_t clock_skew = 0;   // milliseconds
    std::uint64_t clock_ahead = 0; // the same, until it is set
    process* running = nullptr;
  };

  void draw_settings();
  void draw_machines();
  membership::abilities draw_abilities();
  void start(std::size_t machine);
  void stop(std::size_t machine);
  void move(std::size_t machine, address to);
  void forget_disk(std::size_t machine);
  std::uint64_t wall_clock_of(const machine& m) const;
  void start_ahead(const fault& f);

  void apply(const fault& f);
  void apply_to_process(const fault& f, process& p);
  void apply_to_node(const fault& f);
  void fill_disk(const fault& f, process& p);
  void copy_disk(const fault& f, process& p);
  void set_back(const fault& f, process& p);
  void stop_before(const fault& f, process& p);
  void let_a_new_one_join(const fault& f);
  void restart_later(std::size_t machine, duration delay);
  void leave_now(std::size_t machine);
  void rejoin_now(std::size_t machine);
  void add_clone(const fault& f);
  void swap_clusters(const fault& f);
  void strike_until(duration end);

  void handled(process& p, const input& what);
  void send_packets(process& p);
  void deliver(const datagram& d);
  void look_up(process& p, const std::string& name);
  void make_call(process& p, const membership::call& c);
  void answer_call(process& p, const membership::call& c, process& asked);
  void call_again(const recorded_call& c);
  void end_call(process& p, std::uint64_t token, std::optional<std::string> content);
  void tell_input(const process& p, const input& what);

  run_options options_;
  tenant* tenant_;
  dice random_;
  timeline time_;
  chronicle log_{time_, options_.telling};
  network net_;
  membership::settings settings_;
  std::vector<wire::secret> secrets_; // of the clusters
  std::size_t nodes_ = 0;             // of the first cluster
  std::vector<fault> faults_;
  std::vector<machine> machines_;
  std::vector<std::unique_ptr<process>> processes_;
  std::map<address, process*> listeners_;
  safety safety_{log_, settings_};
  std::unique_ptr<liveness> liveness_;
  std::unique_ptr<attacker> attacker_;
  std::uint64_t packets_ = 0;
  duration seeds_out_until_{0};
  bool seeds_are_gone_ = false;
  duration end_of_faults_{0};
  std::uint16_t next_port_ = 9100;
  dice versions_; // what processes of several versions can
  bool is_mixed_ = false;
};

} // namespace starling::simulation
