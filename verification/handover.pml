/*
 * The handover of one VM between two hosts: who may run it, who may write to its disks, and who
 * remembers what. docs/designs/0005-ownership-model.md tells where each name is found in the code.
 *
 * Every `::` line is one step. Between any two steps a daemon may be killed and started again, and
 * a message be lost, late, overtaken or heard twice, until `calm`: then both sides live and can talk.
 */

#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif

/* The step of the migration that the source's journal names. */
mtype:step = { AT_REST, AT_RESERVE, AT_MEMORY, AT_RELEASE, AT_TAKE, AT_START, AT_SETTLE, AT_UNDO, AT_END }
/* The receiver's state, which is also the answer to each call; the last two are answers only. */
mtype:receiver = { ABSENT, RESERVED, RECEIVING, READY, OWNED, STARTING, RUNNING, CLOSED, ABORTED, WRONG_STATE, NO_ANSWER }
mtype:ownership = { IS_OWNED, IS_RELEASED, IS_REFUSED }
mtype:vm = { RUNS, PAUSED, FORGOTTEN }
mtype:copy = { NO_COPY, BUILDING, BUILT, GOING, RUNS_THERE }

/* What the source asks of the destination. */
#define RECEIVE 0
#define TAKE 1
#define START 2
#define CLOSE 3
#define ABORT 4
#define CALLS 5
#define NO_CALL 5

/*
 * Chosen once: disks that both hosts reach, without DRBD; and a plain hypervisor, or one that has
 * state to send after the disks, or one that remembers whether it was ever told to run a copy.
 */
bit shared, sends_after, remembers

/* Records. These outlive a daemon. */
mtype:step journal = AT_REST
mtype:ownership source_state = IS_OWNED
byte source_epoch
mtype:receiver receiver = ABSENT
byte receiver_epoch
bit cleaned
mtype:ownership destination_state = IS_OWNED
byte destination_epoch

/* The world: the VM and its copy; DRBD's roles (of a shared disk: who has been given it) and its link. */
mtype:vm source_vm = RUNS
mtype:copy copy = NO_COPY
bit source_writes = 1, destination_writes
bit connected
bit told, ran_there

/* What a daemon holds only while it lives. */
byte waiting_for = NO_CALL
mtype:receiver answer = NO_ANSWER
bit streaming, giving_up
bit up = 1, handle, rest_arrived
byte doing = NO_CALL, asked

/* The network: the requests on their way, for each attempt. */
bit wire[2 * CALLS]
#define SLOT(call, epoch) (call + CALLS * (epoch - 1))

bit calm, helped

#define is_the_sources (receiver == RESERVED || receiver == RECEIVING || receiver == READY)
#define before_take (journal == AT_RESERVE || journal == AT_MEMORY || journal == AT_RELEASE)
#define until_refused (journal == AT_TAKE || journal == AT_START)
/* The receiver's lock is free: one request at a time, and none before a refusal has been cleaned up. */
#define idle (up && doing == NO_CALL && !(receiver == ABORTED && !cleaned))
/* DRBD refuses a second Primary while it is connected. Nobody refuses anything for a shared disk. */
#define source_may_promote (shared || !connected || !destination_writes)
#define destination_may_promote (shared || (connected && !source_writes))

/* Of a copy that does not run, the daemon that built it knows this, and so may its hypervisor. */
#define never_ran (handle || (remembers && !told))

/* ------------------------------------------------------------------------------------ the laws */

#define may_run_there (copy == GOING || copy == RUNS_THERE)

#define one_runs (!(source_vm == RUNS && copy == RUNS_THERE))
#define one_writes (!(source_writes && destination_writes))
#define own_disks ((source_vm != RUNS || source_writes) && (!may_run_there || destination_writes))
#define released_first (!destination_writes || (source_state == IS_RELEASED && source_epoch == receiver_epoch))
#define owned_first (!may_run_there || (destination_state == IS_OWNED && destination_epoch == receiver_epoch))
#define no_way_back (!(ran_there && source_vm == RUNS))

proctype laws() {
end:
  atomic {
    !(one_runs && one_writes && own_disks && released_first && owned_first && no_way_back) ->
    if
    :: !one_runs -> printf("BROKEN one_runs\n")
    :: !one_writes -> printf("BROKEN one_writes\n")
    :: !own_disks -> printf("BROKEN own_disks\n")
    :: !released_first -> printf("BROKEN released_first\n")
    :: !owned_first -> printf("BROKEN owned_first\n")
    :: !no_way_back -> printf("BROKEN no_way_back\n")
    fi;
    assert(false)
  }
}

#define runs_once ((source_vm == RUNS) != (copy == RUNS_THERE))
#define has_ended (journal == AT_REST || journal == AT_END || helped)
ltl settles { <>[] (runs_once && has_ended) }

/* ---------------------------------------------------------------------------------- the source */

inline send(call) { wire[SLOT(call, source_epoch)] = 1; waiting_for = call }
inline hang_up() { waiting_for = NO_CALL; answer = NO_ANSWER }
#define is_lost (answer == NO_ANSWER && !wire[SLOT(waiting_for, source_epoch)] && doing != waiting_for)

proctype source() {
end:
  do
  /* reserve: each attempt has an epoch of its own. */
  :: atomic { journal == AT_REST && source_epoch < ATTEMPTS ->
      source_epoch++; source_state = IS_OWNED; journal = AT_RESERVE; send(RECEIVE) }
  :: atomic { journal == AT_RESERVE && answer == RESERVED -> hang_up(); journal = AT_MEMORY }

  /* Disks are copied, compared (verify) and armed in between, which changes nothing here.
     memory: one connection, so both sides see it open. Ends with the VM paused and its memory across. */
  :: atomic { journal == AT_MEMORY && idle && handle && receiver == RESERVED && receiver_epoch == source_epoch ->
      streaming = 1; receiver = RECEIVING; copy = BUILDING }
  :: atomic { journal == AT_MEMORY && streaming && copy == BUILDING ->
      source_vm = PAUSED; copy = BUILT; journal = AT_RELEASE }

  /* release: the disks, then the record, then the journal. */
  :: atomic { journal == AT_RELEASE && source_writes && (shared || connected) -> source_writes = 0 }
  :: atomic { journal == AT_RELEASE && !source_writes && source_state == IS_OWNED -> source_state = IS_RELEASED }
  :: atomic { journal == AT_RELEASE && source_state == IS_RELEASED -> journal = AT_TAKE }

  /* Up to here anything may fail, lose its heartbeat or be cancelled, and nobody else has to be asked. */
  :: atomic { before_take -> hang_up(); streaming = 0; journal = AT_UNDO }

  /* take. Meanwhile the rest of the VM's state is sent; if it cannot be, a refusal is asked for. */
  :: atomic { journal == AT_TAKE && waiting_for == NO_CALL -> send(TAKE) }
  :: atomic { journal == AT_TAKE && streaming && sends_after && !giving_up -> streaming = 0; rest_arrived = handle }
  :: atomic { journal == AT_TAKE && streaming && sends_after && !giving_up -> giving_up = 1; hang_up(); send(ABORT) }
  :: atomic { journal == AT_TAKE && answer == OWNED && !streaming -> hang_up(); journal = AT_START }
  /* start */
  :: atomic { journal == AT_START && waiting_for == NO_CALL -> send(START) }

  /* The two ways out of take and start. */
  :: atomic { until_refused && (answer == RUNNING || answer == CLOSED) -> hang_up(); journal = AT_SETTLE }
  :: atomic { until_refused && answer == ABORTED -> hang_up(); journal = AT_UNDO }

  /* unmirror, forget, put-away */
  :: atomic { journal == AT_SETTLE && waiting_for == NO_CALL -> send(CLOSE) }
  :: atomic { journal == AT_SETTLE && answer == CLOSED ->
      hang_up(); connected = 0; source_vm = FORGOTTEN; journal = AT_END }

  /* Another answer, or none: it is asked again. */
  :: atomic { answer == WRONG_STATE && !before_take -> hang_up(); giving_up = 0 }
  :: atomic { waiting_for != NO_CALL && !before_take && (!calm || is_lost) ->
      hang_up(); giving_up = 0
#ifdef MUTATE_RESUME_ON_TIMEOUT
      ; if :: journal == AT_TAKE -> journal = AT_UNDO :: else fi
#endif
    }

  /* The undos, backwards: the disks, the record, the VM. The destination is told, but not waited for. */
  :: atomic { journal == AT_UNDO && !source_writes && source_may_promote -> source_writes = 1 }
  :: atomic { journal == AT_UNDO && source_writes && source_state == IS_RELEASED -> source_state = IS_OWNED }
  :: atomic { journal == AT_UNDO && source_writes && source_state == IS_OWNED && source_vm == PAUSED -> source_vm = RUNS }
  :: atomic { journal == AT_UNDO && source_writes && source_state == IS_OWNED && source_vm == RUNS ->
      wire[SLOT(ABORT, source_epoch)] = 1; streaming = 0; giving_up = 0; journal = AT_REST }

  /* Killed, and started again: backwards before the take, forwards from there on. */
  :: atomic { !calm && journal != AT_REST && journal != AT_END ->
      hang_up(); streaming = 0; giving_up = 0;
      if :: before_take -> journal = AT_UNDO :: else fi }
  od
}

/* ----------------------------------------------------------------------------- the destination */

/* The receiver's id, its token and the epoch: all three belong to one attempt. */
#ifdef MUTATE_EPOCH_NOT_CHECKED
#define is_ours true
#else
#define is_ours (asked == receiver_epoch)
#endif

inline let_go() { doing = NO_CALL; asked = 0 }

#define HEAR(call, epoch) \
  :: atomic { idle && wire[SLOT(call, epoch)] -> doing = call; asked = epoch; \
      if \
      :: wire[SLOT(call, epoch)] = 0 \
      :: !calm                                         /* it will come again */ \
      :: !calm -> wire[SLOT(call, epoch)] = 0; let_go() /* it is lost */ \
      fi }

/* An answer reaches only a source that still waits for it. */
inline reply(what) {
  if :: doing != NO_CALL && waiting_for == doing && source_epoch == asked -> answer = what :: else fi;
  let_go()
}

/* Durable first; what was made is removed afterwards. */
inline refuse() {
#ifdef MUTATE_REFUSAL_NOT_DURABLE
  reply(ABORTED)
#else
  receiver = ABORTED; cleaned = 0; destination_state = IS_REFUSED; destination_epoch = receiver_epoch
#endif
}

#define is_whole (rest_arrived || !sends_after)
#define taking (doing == TAKE && is_ours && is_the_sources)
#define to_run (receiver == STARTING && (!up || ((doing == TAKE || doing == START) && is_ours)))

proctype destination() {
end:
  do
  HEAR(RECEIVE, 1) HEAR(TAKE, 1) HEAR(START, 1) HEAR(CLOSE, 1) HEAR(ABORT, 1)
  HEAR(RECEIVE, 2) HEAR(TAKE, 2) HEAR(START, 2) HEAR(CLOSE, 2) HEAR(ABORT, 2)
  :: atomic { doing != NO_CALL && doing != RECEIVE && !is_ours -> let_go() }

  /* receive: one receiver at a time for a VM, and only for an epoch that is new here. */
  :: atomic { doing == RECEIVE ->
      if
      :: (receiver == ABSENT || receiver == CLOSED || receiver == ABORTED) && copy == NO_COPY && asked > destination_epoch ->
         receiver = RESERVED; receiver_epoch = asked; cleaned = 0; handle = 1; connected = 1; reply(RESERVED)
      :: else -> reply(WRONG_STATE)
      fi }
  :: atomic { idle && receiver == RECEIVING && copy == BUILT -> receiver = READY }

  /* take: the disks, then one record for the receiver and the ownership. */
  :: atomic { taking && handle && copy == BUILT && !destination_writes && destination_may_promote -> destination_writes = 1 }
  :: atomic { taking && destination_writes ->
      receiver = (sends_after -> OWNED : STARTING); destination_state = IS_OWNED; destination_epoch = receiver_epoch }
  :: atomic { taking -> refuse() }
  :: atomic { doing == TAKE && is_ours && receiver == OWNED -> reply(OWNED) }

  /* start, the second half of a take that starts, and a start that a restart interrupted: the record, then the VM. */
  :: atomic { doing == START && is_ours && receiver == OWNED -> receiver = STARTING }
  :: atomic { to_run && copy == BUILT && is_whole -> copy = GOING; told = 1 }
  :: atomic { to_run && (copy == BUILT || copy == NO_COPY) && never_ran -> refuse() }
  :: atomic { to_run && copy == RUNS_THERE -> receiver = RUNNING; told = 0 }
  :: atomic { to_run && up && (copy == GOING || (copy == NO_COPY && !never_ran)) -> reply(WRONG_STATE) }
  :: atomic { (doing == TAKE || doing == START) && is_ours && (receiver == RUNNING || receiver == CLOSED) -> reply(receiver) }
  :: atomic { (doing == TAKE || doing == START) && is_ours && receiver == ABORTED && cleaned -> reply(ABORTED) }

  /* close */
  :: atomic { doing == CLOSE && is_ours && (receiver == RUNNING || receiver == CLOSED) ->
      receiver = CLOSED; handle = 0; rest_arrived = 0; reply(CLOSED) }

  /* abort */
  :: atomic { doing == ABORT && is_ours && (is_the_sources || receiver == OWNED) -> refuse() }
  :: atomic { doing == ABORT && is_ours && (receiver == STARTING || receiver == RUNNING || receiver == CLOSED) -> reply(WRONG_STATE) }
  :: atomic { doing == ABORT && is_ours && receiver == ABORTED && cleaned -> reply(ABORTED) }
  /* The heartbeat stays away. OWNED: it was missed while the take was at work. */
  :: atomic { idle && handle && (is_the_sources || receiver == OWNED) -> refuse() }
  :: atomic { receiver == ABORTED && !cleaned ->
      copy = NO_COPY; destination_writes = 0; handle = 0; rest_arrived = 0; told = 0; connected = 0; cleaned = 1 }

  /* Killed: with some hypervisors a copy that does not run yet goes with its daemon, with others it stays. */
  :: atomic { !calm && up ->
      up = 0; let_go(); handle = 0;
      if
      :: copy == BUILDING || copy == BUILT || copy == GOING -> copy = NO_COPY; rest_arrived = 0
      :: copy != BUILDING && (copy != BUILT || is_whole)
      fi }
  /* Started again: what certainly never ran is refused before the first request is heard. */
  :: atomic { !up && (is_the_sources || receiver == OWNED) -> refuse() }
  :: atomic { !up && !is_the_sources && receiver != OWNED && !(receiver == ABORTED && !cleaned) -> up = 1 }

#ifdef MUTATE_PROMOTE_BEFORE_RELEASE
  :: atomic { idle && receiver == READY && handle && !destination_writes && destination_may_promote -> destination_writes = 1 }
#endif
#ifdef MUTATE_START_BEFORE_RECORD
  :: atomic { taking && destination_writes && copy == BUILT -> copy = GOING }
#endif
  od
}

/* ----------------------------------------------------------------------------------- the world */

proctype hypervisor() {
end:
  do
  :: atomic { copy == GOING -> copy = RUNS_THERE; ran_there = 1 }
  :: atomic { copy == GOING -> copy = NO_COPY }
  od
}

proctype link() {
end:
  do
  :: atomic { !calm && connected -> connected = 0 }
  od
}

/* docs/operating/recover.md: the copy has gone, and nobody can tell whether it ran. */
proctype administrator() {
end:
#ifndef WITHOUT_ADMINISTRATOR
  atomic { up && receiver == STARTING && copy == NO_COPY && !never_ran && source_vm == PAUSED -> destination_writes = 0 }
  source_writes = 1;
  atomic { source_vm = RUNS; helped = 1 }
#endif
}

/* Whoever asks what is true at every moment does not need faults to end. */
proctype faults_end() {
end:
#ifdef FAULTS_END
  calm = 1
#endif
}

init {
  atomic {
    if :: shared = 0 :: shared = 1 fi;
    if :: skip :: sends_after = 1 :: remembers = 1 fi;
    run source(); run destination(); run hypervisor(); run link(); run administrator(); run faults_end(); run laws()
  }
}
