/*  A disk that fails: LMDB's commit and put are wrapped by the linker (-Wl,--wrap), so that the journal's
 * real code meets a real error code. Armed for one commit of the journal, and disarmed by what it did.  */

#ifndef SIM_DISK_H
#define SIM_DISK_H

typedef enum {
    SIM_DISK_FINE,
    SIM_DISK_COMMIT_LOST, //  The commit fails, and nothing of it is on disk
    SIM_DISK_COMMIT_KEPT, //  The commit says that it failed, but all of it is on disk (fsyncgate's other
                          //  half)
    SIM_DISK_WRITE_FAILS, //  A write within the transaction fails
    SIM_DISK_MAP_FULL,    //  A write finds no room
} sim_disk_fault_t;

//  The next commit meets the fault; for the last two, at its write number `write` (from 0).
void sim_disk_arm(sim_disk_fault_t fault, unsigned write);

//  The fault that was met since it was armed, or FINE. Disarms.
sim_disk_fault_t sim_disk_met(void);

#endif
