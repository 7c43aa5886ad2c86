#include "dispatch/hand.h"

void hf_hand_line_up(hf_hand_t *self, int64_t now) {
    hf_lane_t *lane = self->lane;
    self->in_line = true;
    self->lined_up_at = now;
    self->ahead = lane->line_last;
    self->after = NULL;
    *(lane->line_last ? &lane->line_last->after : &lane->line_first) = self;
    lane->line_last = self;
    lane->line_size++;
}

void hf_hand_leave_line(hf_hand_t *self) {
    hf_lane_t *lane = self->lane;
    if (!self->in_line) {
        return;
    }
    *(self->ahead ? &self->ahead->after : &lane->line_first) = self->after;
    *(self->after ? &self->after->ahead : &lane->line_last) = self->ahead;
    self->in_line = false;
    lane->line_size--;
}
