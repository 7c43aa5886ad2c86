// The SDK wants Promise.withResolvers, which Node has from 22 on.

Promise.withResolvers ??= function withResolvers() {
    const made = {};
    made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
};
